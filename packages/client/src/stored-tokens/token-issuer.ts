import { judgeRefresh, type RefreshVerdict } from '../error-classification.ts'
import type { AskIssuer, IssuerAnswer } from '../issuer-request.ts'
import type { StoredSession } from './stored-state.ts'

/** What the issuer made of a refresh. */
export interface JudgedRefresh {
  readonly verdict: RefreshVerdict
  readonly serverTime: number | undefined
}

/** How an issuer is asked for tokens of a session, and to end it. None of it rejects. */
export interface TokenIssuer {
  readonly refresh: (
    session: StoredSession,
    attemptId: string | undefined,
    signal: AbortSignal,
  ) => Promise<JudgedRefresh>
  readonly end: (refreshToken: string, signal: AbortSignal) => Promise<IssuerAnswer>
  /** Ends all sessions of the user; undefined where the issuer offers no such thing. */
  readonly endAll: ((accessToken: string | undefined, signal: AbortSignal) => Promise<IssuerAnswer>) | undefined
}

/** The first-party endpoints, with tokens in bodies. */
export function firstPartyIssuer(ask: AskIssuer): TokenIssuer {
  return {
    refresh: async ({ refreshToken }, attemptId, signal) => {
      const body = { refresh_token: refreshToken, attempt_id: attemptId }
      const answer = await ask({ path: '/auth/refresh', body, signal })
      return { verdict: judgeRefresh(answer), serverTime: answer.serverTime }
    },
    end: (refreshToken, signal) => ask({ path: '/auth/logout', body: { refresh_token: refreshToken }, signal }),
    endAll: (bearer, signal) => ask({ path: '/auth/logout-everywhere', body: {}, bearer, signal }),
  }
}
