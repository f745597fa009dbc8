import { type BodyTokenReply, tokenTypes } from '@pawl/protocol'
import { failureOf } from '../error-classification.ts'
import type { IssuerAnswer } from '../issuer-request.ts'
import type { SignedOutReason } from '../session.ts'
import { isRecord, readSessionHolder, type TokenReply, type Untrusted } from '../token-reply.ts'
import type { TransientFailure } from '../transient-failure.ts'
import type { LiveBffSession } from './bff-session.ts'
import { type AskEndpoint, basicAuthorization } from './issuer-endpoints.ts'

/** The application as it is registered at the issuer: a confidential client. */
export interface BffClient {
  readonly id: string
  readonly secret: string
}

/** Tokens as a reply brought them. Times are milliseconds since 1970. */
export type FreshTokens = Pick<
  LiveBffSession,
  'accessToken' | 'refreshToken' | 'receivedAt' | 'expiresAt' | 'refreshAt' | 'endsAt'
>

/** Whose session it is. */
export type SessionHolder = Pick<TokenReply, 'sessionId' | 'user'>

/** What an answer to a refresh means. Only the issuer's own `invalid_grant` ends a session (T5.2). */
export type RenewalVerdict =
  | { readonly kind: 'renewed'; readonly tokens: FreshTokens; readonly holder: SessionHolder | undefined }
  | { readonly kind: 'ended'; readonly reason: SignedOutReason }
  | { readonly kind: 'failed'; readonly failure: TransientFailure }

/** What an answer to a peek means. It never ends a session; the next refresh says whether it is over. */
export type PeekVerdict =
  | { readonly kind: 'peeked'; readonly accessToken: string; readonly expiresAt: number }
  | { readonly kind: 'rotation-required' }
  | { readonly kind: 'failed'; readonly failure: TransientFailure }

/** What an answer to a sign-in means. */
export type OpeningVerdict =
  | { readonly kind: 'opened'; readonly session: LiveBffSession }
  | { readonly kind: 'refused'; readonly answer: IssuerAnswer }

/** The token requests of an application's server. None rejects. */
export interface IssuerTokens {
  readonly signIn: (credentials: PasswordCredentials) => Promise<OpeningVerdict>
  readonly redeem: (code: AuthorizationCode) => Promise<OpeningVerdict>
  readonly refresh: (session: LiveBffSession, attemptId: string | undefined) => Promise<RenewalVerdict>
  readonly peek: (session: LiveBffSession, attemptId: string | undefined) => Promise<PeekVerdict>
  /** Ends the session of a refresh token; true when the issuer has done so. */
  readonly end: (session: LiveBffSession) => Promise<boolean>
}

/** A password sign-in. */
export interface PasswordCredentials {
  readonly username: string
  readonly password: string
  /** Of the browser. */
  readonly userAgent: string | null
}

/** An authorization code with what proves that this server asked for it. */
export interface AuthorizationCode {
  readonly code: string
  readonly verifier: string
  readonly redirectUri: string
  readonly userAgent: string | null
}

/** @param now milliseconds since 1970 */
export function createIssuerTokens(ask: AskEndpoint, client: BffClient | undefined, now: () => number): IssuerTokens {
  const authorization = client === undefined ? undefined : basicAuthorization(client.id, client.secret)
  const askToken = (form: Readonly<Record<string, string>>, userAgent: string | null = null) =>
    ask({ path: '/oauth/token', form, authorization, userAgent })

  async function holderOf(tokens: FreshTokens): Promise<SessionHolder | IssuerAnswer> {
    const answer = await ask({ path: '/auth/session', authorization: `Bearer ${tokens.accessToken}` })
    const holder = answer.status === 200 ? readSessionHolder(answer.document) : undefined
    // A token for another audience than the issuer's own opens nothing there, yet it says itself whose it is.
    return holder ?? readClaims(tokens.accessToken) ?? answer
  }

  return {
    signIn: async ({ username, password, userAgent }) => {
      const sentAt = now()
      const answer = await ask({
        path: '/auth/login',
        json: { username, password, delivery: 'body' },
        userAgent,
        longest: 30_000,
      })
      const tokens = readFreshTokens(answer, sentAt)
      const holder = tokens && readSessionHolder(answer.document)
      if (tokens === undefined || holder === undefined) return { kind: 'refused', answer }
      return { kind: 'opened', session: { kind: 'live', version: 0, openedBy: 'password', ...holder, ...tokens } }
    },
    redeem: async ({ code, verifier, redirectUri, userAgent }) => {
      const sentAt = now()
      const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri }
      const answer = await askToken(form, userAgent)
      const tokens = readFreshTokens(answer, sentAt)
      if (tokens === undefined) return { kind: 'refused', answer }
      const holder = await holderOf(tokens)
      if ('status' in holder) return { kind: 'refused', answer: holder }
      return { kind: 'opened', session: { kind: 'live', version: 0, openedBy: 'code', ...holder, ...tokens } }
    },
    refresh: async ({ openedBy, refreshToken }, attemptId) => {
      const sentAt = now()
      const body = { refresh_token: refreshToken, ...(attemptId !== undefined && { attempt_id: attemptId }) }
      const answer =
        openedBy === 'password'
          ? await ask({ path: '/auth/refresh', json: body })
          : await askToken({ grant_type: 'refresh_token', ...body })
      return judgeRenewal(answer, readFreshTokens(answer, sentAt))
    },
    peek: async ({ openedBy, refreshToken }, attemptId) => {
      // Peeking is for who can prove to be the session's own client; a first-party session has a public one.
      if (openedBy === 'password') return { kind: 'rotation-required' }
      const sentAt = now()
      const answer = await askToken({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: refreshToken,
        subject_token_type: tokenTypes.refreshToken,
        ...(attemptId !== undefined && { attempt_id: attemptId }),
      })
      return judgePeek(answer, sentAt)
    },
    end: async ({ openedBy, refreshToken }) => {
      const answer =
        openedBy === 'password'
          ? await ask({ path: '/auth/logout', json: { refresh_token: refreshToken } })
          : await ask({ path: '/oauth/revoke', form: { token: refreshToken }, authorization })
      return answer.status === 204 || answer.status === 200
    },
  }
}

function readFreshTokens(answer: IssuerAnswer, sentAt: number): FreshTokens | undefined {
  if (answer.status !== 200 || !isRecord(answer.document)) return undefined
  const reply: Untrusted<BodyTokenReply> = answer.document
  const { access_token, refresh_token, expires_in, refresh_in, refresh_token_timeout } = reply
  if (typeof access_token !== 'string' || typeof refresh_token !== 'string') return undefined
  if (typeof expires_in !== 'number' || typeof refresh_token_timeout !== 'number') return undefined
  const refreshIn = typeof refresh_in === 'number' ? Math.min(refresh_in, expires_in) : expires_in
  return {
    accessToken: access_token,
    refreshToken: refresh_token,
    receivedAt: sentAt,
    // From the sending on, not from the arrival: so nothing ever counts as fresher than it is.
    expiresAt: sentAt + expires_in * 1000,
    refreshAt: sentAt + refreshIn * 1000,
    endsAt: sentAt + refresh_token_timeout * 1000,
  }
}

function judgeRenewal(answer: IssuerAnswer, tokens: FreshTokens | undefined): RenewalVerdict {
  if (tokens !== undefined) return { kind: 'renewed', tokens, holder: readSessionHolder(answer.document) }
  const failure = failureOf(answer)
  const { kind, status, error, reason } = failure
  const ended = status === 400 && error === 'invalid_grant' && reason !== undefined && kind !== 'superseded'
  return ended ? { kind: 'ended', reason } : { kind: 'failed', failure }
}

function judgePeek(answer: IssuerAnswer, sentAt: number): PeekVerdict {
  if (answer.status === 200 && isRecord(answer.document)) {
    const { access_token, expires_in }: Untrusted<BodyTokenReply> = answer.document
    if (typeof access_token === 'string' && typeof expires_in === 'number') {
      return { kind: 'peeked', accessToken: access_token, expiresAt: sentAt + expires_in * 1000 }
    }
  }
  const failure = failureOf(answer)
  // Of a session that is over, too: a refresh is what finds out, and what is allowed to say so.
  const overdue = failure.error === 'invalid_request' && failure.reason !== undefined && failure.reason !== 'superseded'
  return overdue ? { kind: 'rotation-required' } : { kind: 'failed', failure }
}

/** Whose session an access token is of, as it says itself. It came from the issuer just now, so nobody else wrote it. */
function readClaims(accessToken: string): SessionHolder | undefined {
  const [, payload = ''] = accessToken.split('.')
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    if (!isRecord(claims)) return undefined
    const { sid, sub, roles } = claims
    return readSessionHolder({ session_id: sid, user: { id: sub, username: sub, roles: roles ?? [] } })
  } catch {
    return undefined
  }
}
