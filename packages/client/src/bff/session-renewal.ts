import type { SignedOutReason } from '../session.ts'
import type { TransientFailure } from '../transient-failure.ts'
import type { BffSession, LiveBffSession } from './bff-session.ts'
import type { IssuerTokens } from './issuer-tokens.ts'
import { recentWork } from './recent-work.ts'
import type { SessionKeeping } from './session-keeping.ts'

/** How a browser's session stands, after whatever was done about it. */
export type BffStanding =
  | { readonly kind: 'live'; readonly session: LiveBffSession; readonly value: string }
  /** The session may live, yet there is no good access token now. */
  | { readonly kind: 'failed'; readonly failure: TransientFailure; readonly value: string }
  | { readonly kind: 'ended'; readonly reason: SignedOutReason; readonly value: string }
  /** No cookie, or one that is nobody's. */
  | { readonly kind: 'none' }

/** An access token got without moving the session, or why there is none. */
export type PeekStanding =
  | { readonly kind: 'peeked'; readonly session: LiveBffSession; readonly accessToken: string }
  | { readonly kind: 'rotation-required' }
  | Exclude<BffStanding, { readonly kind: 'live' }>

/** Getting access tokens for the browsers' sessions. Nothing here rejects. */
export interface SessionRenewal {
  /**
   * A session with a good access token; renewed if it is due. Parallel calls with one cookie share one renewal.
   *
   * @param rejected an access token that an API has refused: it does not count as good
   */
  readonly renew: (value: string | undefined, rejected?: string) => Promise<BffStanding>
  /** A good access token, without moving the session. */
  readonly peek: (value: string | undefined) => Promise<PeekStanding>
}

/** What renewing works with. */
export interface SessionRenewalParts {
  readonly keeping: SessionKeeping
  readonly tokens: IssuerTokens
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const storeFailure: TransientFailure = { kind: 'server_error' }

/** How long an issuer that failed is left alone for this session, unless it says so itself, in seconds. */
const pauseSeconds = 2
const longestPauseSeconds = 60

/** How long an API that refuses a new access token is not answered with yet another renewal. Each one moves the session. */
const refusalMilliseconds = 10_000

/** What a renewal came to. */
interface Renewed {
  readonly standing: BffStanding
  /** After a failure: when it may be tried again, in milliseconds since 1970. */
  readonly notBefore?: number
}

export function createSessionRenewal({ keeping, tokens, now }: SessionRenewalParts): SessionRenewal {
  // What one request got is for all that show the same cookie: those beside it, and those that come a little later.
  const renewals = recentWork<Renewed>(now)
  const peeks = recentWork<PeekStanding>(now)

  /** The attempt id is an extra; a store that hangs on it must not cost the renewal. */
  async function attemptFor(value: string, { version }: BffSession): Promise<string | undefined> {
    return keeping.attemptFor(value, version).catch(() => undefined)
  }

  async function refresh(value: string, session: LiveBffSession): Promise<Renewed> {
    const verdict = await tokens.refresh(session, await attemptFor(value, session))
    if (verdict.kind === 'failed') return afterFailure(value, session, verdict.failure)
    const version = session.version + 1
    const next: BffSession =
      verdict.kind === 'renewed'
        ? { ...session, ...verdict.holder, ...verdict.tokens, version }
        : { kind: 'ended', reason: verdict.reason, version, endsAt: session.endsAt }
    const nextValue = await keeping.replace(value, next)
    // Another process may have got further meanwhile, and then its tokens are the newer ones (T3.2).
    const kept = await keeping.find(nextValue)
    return { standing: standingOf(kept === undefined || kept.version < version ? next : kept, nextValue) }
  }

  /** A newer token may be in the store by now; and an access token may still be good though a newer one was not to be had. */
  async function afterFailure(value: string, session: LiveBffSession, failure: TransientFailure): Promise<Renewed> {
    const kept = failure.kind === 'superseded' ? await keeping.find(value) : undefined
    if (kept !== undefined && kept.version > session.version) return { standing: standingOf(kept, value) }
    const pause = Math.min(longestPauseSeconds, failure.retryAfterSeconds ?? pauseSeconds)
    const standing =
      now() < session.expiresAt ? standingOf(session, value) : ({ kind: 'failed', failure, value } as const)
    return { standing, notBefore: now() + pause * 1000 }
  }

  function standingOf(session: BffSession, value: string): BffStanding {
    return session.kind === 'live' ? { kind: 'live', session, value } : { ...session, value }
  }

  async function find(value: string | undefined): Promise<BffSession | 'none'> {
    const session = value === undefined ? undefined : await keeping.find(value)
    return session === undefined || session.endsAt <= now() ? 'none' : session
  }

  async function renew(value: string | undefined, rejected?: string): Promise<BffStanding> {
    const session = await find(value)
    if (session === 'none' || value === undefined) return { kind: 'none' }
    if (session.kind === 'ended' || isGood(session, rejected)) return standingOf(session, value)
    const willDo = (done: Renewed) => isOfUse(done, session, rejected)
    const { standing } = await renewals.share(value, () => refresh(value, session), willDo)
    // One that failed while its access token was still good may be asked for again after that has expired.
    return standing.kind === 'live' && now() >= standing.session.expiresAt ? unavailable(value) : standing
  }

  /** Whether what came of this cookie before will do for whoever shows it again. */
  function isOfUse({ standing, notBefore }: Renewed, than: LiveBffSession, rejected: string | undefined): boolean {
    if (notBefore !== undefined) return now() < notBefore
    if (standing.kind !== 'live') return standing.kind === 'ended'
    return standing.session.version > than.version && isGood(standing.session, rejected)
  }

  function isGood({ accessToken, receivedAt, refreshAt }: LiveBffSession, rejected: string | undefined): boolean {
    return now() < refreshAt && (accessToken !== rejected || now() < receivedAt + refusalMilliseconds)
  }

  async function peek(value: string | undefined): Promise<PeekStanding> {
    const session = await find(value)
    if (session === 'none' || value === undefined) return { kind: 'none' }
    if (session.kind === 'ended') return { ...session, value }
    if (now() < session.expiresAt) return { kind: 'peeked', session, accessToken: session.accessToken }
    const ask = async (): Promise<PeekStanding> => {
      const verdict = await tokens.peek(session, await attemptFor(value, session))
      if (verdict.kind === 'failed') return { ...verdict, value }
      if (verdict.kind === 'rotation-required') return verdict
      const { accessToken, expiresAt } = verdict
      return { kind: 'peeked', accessToken, session: { ...session, accessToken, expiresAt, refreshAt: expiresAt } }
    }
    return peeks.share(value, ask, (done) => done.kind === 'peeked' && now() < done.session.expiresAt)
  }

  return {
    renew: (value, rejected) => renew(value, rejected).catch(() => unavailable(value)),
    peek: (value) => peek(value).catch(() => unavailable(value)),
  }

  /** A store that cannot be asked says nothing about the session. */
  function unavailable(value: string | undefined): Exclude<BffStanding, { readonly kind: 'live' }> {
    return value === undefined ? { kind: 'none' } : { kind: 'failed', failure: storeFailure, value }
  }
}
