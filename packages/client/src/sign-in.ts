import type { ErrorCode, RefusalReason } from '@pawl/protocol'
import type { AttemptStore } from './attempt-ids.ts'
import { failureOf, readError } from './error-classification.ts'
import type { HeldSession } from './held-session.ts'
import type { AskIssuer, IssuerAnswer } from './issuer-request.ts'
import { forgetAttempts } from './renewal.ts'
import type { ActiveSession } from './session.ts'
import { readTokenReply } from './token-reply.ts'
import type { TransientFailure } from './transient-failure.ts'

/** What a person signs in with. */
export interface SignInCredentials {
  /** A user name, or an e-mail address. */
  readonly username: string
  readonly password: string
}

/** What came of a sign-in. A refusal is a value: `signIn` does not reject because of it. */
export type SignInOutcome =
  | { readonly ok: true; readonly session: ActiveSession }
  | {
      readonly ok: false
      /** The server's `error`, such as `invalid_credentials`; `unavailable` when it could not be asked. */
      readonly code: ErrorCode | 'unavailable' | (string & Record<never, never>)
      readonly reason?: RefusalReason | (string & Record<never, never>)
      /** How long to wait before the next try, in seconds, if the server said so. */
      readonly retryAfterSeconds?: number
      /** With `unavailable`: what went wrong. */
      readonly cause?: TransientFailure
    }

/** What a sign-in works with. */
export interface SignInParts {
  readonly held: HeldSession
  readonly ask: AskIssuer
  readonly attempts: AttemptStore | undefined
  readonly memory: boolean
  readonly clientId: string | undefined
  readonly monotonic: () => number
  readonly timeout: (milliseconds: number) => AbortSignal
  /** Makes everything under way count for nothing, and gives the signal of what begins now. */
  readonly beginTenure: () => AbortSignal
}

/** Checking a password is slow on purpose, and may have to wait for its turn. */
const longestMilliseconds = 30_000

/** Signs in. Nothing that is stored from before is looked at, so nothing can stand in the way (T23.2). */
export async function signIn(credentials: SignInCredentials, parts: SignInParts): Promise<SignInOutcome> {
  const { held, ask, attempts, memory, clientId, monotonic, timeout } = parts
  const earlier = held.sessionId()
  const signal = parts.beginTenure()
  const body = {
    username: credentials.username,
    password: credentials.password,
    ...(memory && { access: 'memory' }),
    ...(clientId !== undefined && { client_id: clientId }),
  }
  const sentAt = monotonic()
  const limit = AbortSignal.any([signal, timeout(longestMilliseconds)])
  const answer = await ask({ path: '/auth/login', body, signal: limit })
  if (signal.aborted) return { ok: false, code: 'unavailable', cause: { kind: 'cancelled' } }
  const reply = answer.kind === 'answered' && answer.status === 200 ? readTokenReply(answer.document) : undefined
  if (reply === undefined) return refusalOf(answer)
  if (earlier !== undefined && earlier !== reply.sessionId) forgetAttempts(attempts, earlier)
  return { ok: true, session: held.adoptTokens(reply, sentAt) }
}

/** A refusal by the server is one of its words with a 4xx; all else means that it was not asked. */
function refusalOf(answer: IssuerAnswer): SignInOutcome {
  const cause = failureOf(answer)
  const { status = 0, retryAfterSeconds } = cause
  const { error, reason } = answer.kind === 'answered' ? readError(answer.document) : {}
  return {
    ok: false,
    ...(error === undefined || status < 400 || status >= 500 ? { code: 'unavailable', cause } : { code: error }),
    ...(reason !== undefined && { reason }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}
