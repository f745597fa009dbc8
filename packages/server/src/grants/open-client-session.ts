import type { Refusal } from '@pawl/protocol'
import { mintIdToken } from '../tokens/id-token.ts'
import type { SessionUser } from '../tokens/session.ts'
import type { OpeningTicket } from '../tokens/session-store.ts'
import { startSession } from '../tokens/start-session.ts'
import type { GrantOutcome, GrantRequest } from './grant.ts'
import { preparation } from './prepare-tokens.ts'
import type { GrantSurroundings } from './refresh-token-grant.ts'
import { userClaims } from './user-claims.ts'

/** What a user has granted a client, at the moment the client comes to fetch it. */
export interface GrantedSession {
  /** The store's instant, in milliseconds. */
  readonly now: number
  readonly user: SessionUser
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly nonce: string | undefined
  /** Milliseconds since 1970. */
  readonly authenticatedAt: number
  readonly acr: string | null
  readonly amr: readonly string[]
  readonly ticket: OpeningTicket
}

/** What a grant works with that opens sessions. */
export interface OpeningSurroundings extends GrantSurroundings {
  readonly settings: GrantSurroundings['settings'] & { readonly absoluteSeconds: number }
}

/**
 * Opens the session of a client on what the user granted it: an ordinary one, in one transaction with the use of the
 * ticket. A client that may not refresh gets none of its tokens, and a session that ends with the access token.
 */
export async function openClientSession(
  granted: GrantedSession,
  request: Pick<GrantRequest, 'client' | 'resources' | 'device'>,
  { settings, tokens, claims, report }: OpeningSurroundings,
): Promise<GrantOutcome> {
  const { client, device, resources } = request
  const { now, user, scope } = granted
  const accessSeconds = client.accessSeconds ?? settings.accessSeconds
  const refreshes = client.grants.includes('refresh_token')
  const wishes = {
    scope: undefined,
    resources,
    allowedResources: undefined,
    tokens: 'together' as const,
    cookieOverhead: undefined,
  }
  const signingKey = await tokens.signer.signingKey()
  const outcome = await startSession(
    {
      now,
      user,
      client: { id: client.id, accessSeconds },
      scope,
      resources: granted.resources,
      acr: granted.acr,
      amr: granted.amr,
      delivery: 'body',
      device,
      absoluteMilliseconds: (refreshes ? settings.absoluteSeconds : accessSeconds) * 1000,
      authenticatedAt: granted.authenticatedAt,
      ticket: granted.ticket,
      prepare: preparation(wishes, { issuer: settings.issuer, claims, report }),
    },
    tokens,
  )
  if (outcome.kind === 'refused') return { kind: 'refused', refusal: refusalOf(outcome.refusal) }
  const { accessTokens, refreshToken, lifetimes, session } = outcome
  const plan = {
    issuer: settings.issuer,
    subject: user.id,
    clientId: client.id,
    sessionId: session.id,
    nonce: granted.nonce,
    authenticatedAt: granted.authenticatedAt,
    acr: granted.acr,
    amr: granted.amr,
    about: userClaims(user, scope),
  }
  return {
    kind: 'granted',
    outcome: 'signed_in',
    response: {
      access_token: accessTokens[0] ?? '',
      token_type: 'Bearer',
      expires_in: lifetimes.expiresIn,
      ...(scope.length > 0 && { scope: scope.join(' ') }),
      ...(refreshes && {
        refresh_token: refreshToken,
        refresh_in: lifetimes.refreshIn,
        refresh_token_timeout: lifetimes.refreshTokenTimeout,
        authorization_expires_in: lifetimes.authorizationExpiresIn,
      }),
      ...(scope.includes('openid') && {
        id_token: mintIdToken(plan, signingKey, now, Math.floor(now / 1000) + lifetimes.expiresIn),
      }),
    },
  }
}

/** A user who was disabled since has no password to be wrong here. */
function refusalOf(refusal: Refusal): Refusal {
  return refusal.error === 'invalid_credentials' ? { error: 'invalid_grant', reason: 'user_disabled' } : refusal
}
