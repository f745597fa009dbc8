import { refreshSession, type TokenDependencies } from '../tokens/refresh-session.ts'
import { parseRefreshToken } from '../tokens/refresh-token.ts'
import type { ClaimsHook } from './application-claims.ts'
import { attemptIdForm } from './attempt-id.ts'
import type { Grant } from './grant.ts'
import { preparation, type ReportHookFailure } from './prepare-tokens.ts'
import { refreshingClient } from './refreshing-client.ts'

/** What the grants work with. */
export interface GrantSurroundings {
  readonly tokens: TokenDependencies
  readonly settings: {
    readonly issuer: string
    readonly audience: string
    readonly accessSeconds: number
    readonly raceWindowSeconds: number
  }
  readonly claims: ClaimsHook | undefined
  readonly report: ReportHookFailure
}

/** `grant_type=refresh_token` (RFC 6749 section 6), with the optional `attempt_id`. */
export function refreshTokenGrant(surroundings: GrantSurroundings): Grant {
  return async (request) => {
    const token = request.parameter('refresh_token')
    if (token === undefined)
      return { kind: 'refused', refusal: { error: 'invalid_request', reason: 'missing_parameter' } }
    const attemptId = request.parameter('attempt_id')
    if (attemptId !== undefined && !attemptIdForm.test(attemptId)) {
      return { kind: 'refused', refusal: { error: 'invalid_request', reason: 'malformed_attempt_id' } }
    }
    const presented = parseRefreshToken(token)
    if (presented === undefined)
      return { kind: 'refused', refusal: { error: 'invalid_grant', reason: 'unknown_token' } }

    const { settings, tokens, claims, report } = surroundings
    const wishes = {
      scope: request.parameter('scope'),
      resources: request.resources,
      allowedResources: undefined,
      tokens: 'together' as const,
      cookieOverhead: undefined,
    }
    const outcome = await refreshSession(
      {
        presented,
        presentedBy: request.client.id,
        clientOf: (clientId) =>
          clientId === request.client.id ? refreshingClient(request.client, settings) : undefined,
        attemptId,
        proof: undefined,
        device: request.device,
        arrivedAt: request.arrivedAt,
        hasLeft: request.hasLeft,
        prepare: preparation(wishes, { issuer: settings.issuer, claims, report }),
      },
      tokens,
    )
    if (outcome.kind === 'refused') return outcome
    const { lifetimes, accessTokens, refreshToken, session, cause } = outcome
    const scope = request.parameter('scope') ?? session.scope.join(' ')
    return {
      kind: 'granted',
      outcome: cause,
      response: {
        access_token: accessTokens[0] ?? '',
        token_type: 'Bearer',
        expires_in: lifetimes.expiresIn,
        ...(scope !== '' && { scope }),
        refresh_token: refreshToken,
        refresh_in: lifetimes.refreshIn,
        refresh_token_timeout: lifetimes.refreshTokenTimeout,
        authorization_expires_in: lifetimes.authorizationExpiresIn,
      },
    }
  }
}
