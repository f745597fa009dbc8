import type { ErrorCode, RefusalReason } from '@pawl/protocol'
import type { AttemptStore } from './attempt-ids.ts'
import { failureOf } from './error-classification.ts'
import type { HeldSession } from './held-session.ts'
import type { AskIssuer, IssuerAnswer } from './issuer-request.ts'
import { forgetAttempts } from './renewal.ts'
import type { ActiveSession } from './session.ts'
import { readTokenReply, type TokenReply } from './token-reply.ts'
import type { TransientFailure } from './transient-failure.ts'

/** What a person signs in with. */
export interface SignInCredentials {
  /** A user name, or an e-mail address. */
  readonly username: string
  readonly password: string
}

/** What came of a sign-in. A refusal is a value: `signIn` does not reject because of it. */
export type SignInOutcome = { readonly ok: true; readonly session: ActiveSession } | RefusedSignIn

/** Why nobody was signed in. */
export interface RefusedSignIn {
  readonly ok: false
  /** The server's `error`, such as `invalid_credentials`; `unavailable` when it could not be asked. */
  readonly code: ErrorCode | 'unavailable' | (string & Record<never, never>)
  readonly reason?: RefusalReason | (string & Record<never, never>) | undefined
  /** How long to wait before the next try, in seconds, if the server said so. */
  readonly retryAfterSeconds?: number | undefined
  /** With `unavailable`: what went wrong. */
  readonly cause?: TransientFailure
}

/** What asking for a sign-in takes. */
export interface AskSignInParts {
  readonly ask: AskIssuer
  readonly clientId: string | undefined
  readonly timeout: (milliseconds: number) => AbortSignal
  /** Ends it: something else has begun. */
  readonly signal: AbortSignal
}

/** What the server answered to a sign-in. */
export type AnsweredSignIn =
  | { readonly ok: true; readonly reply: TokenReply; readonly serverTime: number | undefined }
  | RefusedSignIn

/** Checking a password is slow on purpose, and may have to wait for its turn. */
const longestMilliseconds = 30_000

/** @param wishes how the tokens are to travel */
export async function askSignIn(
  { username, password }: SignInCredentials,
  wishes: Readonly<Record<string, string>>,
  { ask, clientId, timeout, signal }: AskSignInParts,
): Promise<AnsweredSignIn> {
  const body = { username, password, ...wishes, client_id: clientId }
  const limit = AbortSignal.any([signal, timeout(longestMilliseconds)])
  const answer = await ask({ path: '/auth/login', body, signal: limit })
  if (signal.aborted) return { ok: false, code: 'unavailable', cause: { kind: 'cancelled' } }
  const reply = answer.status === 200 ? readTokenReply(answer.document) : undefined
  return reply === undefined ? refusalOf(answer) : { ok: true, reply, serverTime: answer.serverTime }
}

/** What a sign-in works with. */
export interface SignInParts extends Omit<AskSignInParts, 'signal'> {
  readonly held: HeldSession
  readonly attempts: AttemptStore | undefined
  readonly memory: boolean
  readonly monotonic: () => number
  /** Makes everything under way count for nothing, and gives the signal of what begins now. */
  readonly beginTenure: () => AbortSignal
}

/** Signs in. Nothing that is stored from before is looked at, so nothing can stand in the way (T23.2). */
export async function signIn(credentials: SignInCredentials, parts: SignInParts): Promise<SignInOutcome> {
  const { held, attempts, memory, monotonic } = parts
  const earlier = held.sessionId()
  const signal = parts.beginTenure()
  const sentAt = monotonic()
  const asked = await askSignIn(credentials, memory ? { access: 'memory' } : {}, { ...parts, signal })
  if (!asked.ok) return asked
  if (earlier !== undefined && earlier !== asked.reply.sessionId) forgetAttempts(attempts, earlier)
  return { ok: true, session: held.adoptTokens(asked.reply, sentAt) }
}

/** A refusal by the server is one of its words with a 4xx; all else means that it was not asked. */
function refusalOf(answer: IssuerAnswer): RefusedSignIn {
  const cause = failureOf(answer)
  const { status = 0, error, reason, retryAfterSeconds } = cause
  const refusal = status >= 400 && status < 500 ? error : undefined
  const told = { ok: false, reason, retryAfterSeconds } as const
  return refusal === undefined ? { ...told, code: 'unavailable', cause } : { ...told, code: refusal }
}
