import { revocationFeedPath } from '@pawl/protocol'
import type { StreamEvent } from './event-stream.ts'
import { contactFeed, type Hearing } from './feed-contact.ts'
import { createFeedState, staleMilliseconds } from './feed-state.ts'
import { createRevocationSet } from './revocation-set.ts'
import type { FeedReport, RevocationFeed, RevocationSource, RevocationSurroundings } from './revocation-source.ts'

/** How the revocations of an issuer are learnt. */
export interface RevocationFeedOptions {
  /** Where the feed is. Default: the issuer followed by `/revocations`. */
  readonly uri?: string
  /** Gives an access token with the scope `revocations:read`, asked anew for each contact. Default: none is sent. */
  readonly token?: () => string | Promise<string>
  /**
   * `stream`, the default: one connection from the moment the verifier is made until it is closed. `on-demand`: short
   * contacts because of requests, at most one each 5 s, for runtimes that do nothing between requests (Workers).
   */
  readonly contact?: 'stream' | 'on-demand'
}

/** A feed of which is known where it is and what it takes to read it. */
interface Reading extends RevocationSurroundings {
  readonly uri: string
  readonly token: (() => string | Promise<string>) | undefined
}

/** What an answer waits for at most: the first contact of a stream, or a contact on demand. */
const patienceMilliseconds = 5_000

/** On demand: age of what is known from which on it is asked for again. */
const dueMilliseconds = 5_000

/** A contact that lasted that long was a good one: the next pause is a short one again. */
const goodMilliseconds = 30_000

const longestPauseMilliseconds = 30_000

/** At some 130 bytes each; beyond that the feed counts as stale, for then not everything is known. */
const mostEntries = 1_000_000

/** The longest pause after so many contacts in a row that did not last. */
function pauseAfter(failures: number): number {
  return Math.min(1_000 * 2 ** failures, longestPauseMilliseconds)
}

/**
 * Makes a source of revocations of an issuer's feed (server-sent events at `/revocations`).
 *
 * @example
 * const verifier = createVerifier({
 *   issuer: 'https://id.example',
 *   audience: 'https://api.example',
 *   revocations: revocationFeed(),
 * })
 */
export function revocationFeed(options: RevocationFeedOptions = {}): RevocationSource {
  const { contact = 'stream', token } = options
  return (surroundings) => {
    const uri = options.uri ?? surroundings.issuer.replace(/\/$/, '') + revocationFeedPath
    surroundings.assertUrl('revocations.uri', uri)
    return (contact === 'stream' ? followFeed : consultFeed)({ ...surroundings, uri, token })
  }
}

/** What both ways of reading share: the set, the state, and one contact at a time. */
function createReader(options: Reading) {
  const { clock, clockSkewSeconds, elapsed } = options
  const set = createRevocationSet(mostEntries, clockSkewSeconds * 1_000)
  const state = createFeedState({ set, clock, elapsed })
  const closing = new AbortController()
  let contacts = 0
  let problem = 'silence'
  let nextAt = Number.NEGATIVE_INFINITY

  /** @returns whether it proved that nothing is missing */
  const contact = async (silenceMilliseconds: number, onProof: (event: string) => Hearing): Promise<boolean> => {
    const { fetch, token, uri } = options
    contacts += 1
    const mine = contacts
    const before = state.proofs
    state.begin()
    const hear = (event: StreamEvent): Hearing => {
      // A contact that was given up as abandoned may still speak; the newer one is the one that counts.
      if (mine !== contacts) return { over: 'overtaken' }
      const proofs = state.proofs
      const hearing = state.hear(event)
      return state.proofs > proofs ? onProof(event.event) : hearing
    }
    const { position } = state
    problem = await contactFeed({ uri, fetch, token, position, silenceMilliseconds, signal: closing.signal, hear })
    return state.proofs > before
  }

  return {
    state,
    contact,
    signal: closing.signal,
    mayContact: () => elapsed() >= nextAt && !closing.signal.aborted,
    pauseFor(milliseconds: number) {
      nextAt = elapsed() + milliseconds
    },
    feed: {
      judge: set.judge,
      report(): FeedReport {
        const lagMilliseconds = state.lagMilliseconds()
        const { bytesEstimate, entries } = set
        return lagMilliseconds <= staleMilliseconds
          ? { state: 'live', lagMilliseconds, entries, bytesEstimate }
          : { state: 'stale', lagMilliseconds, entries, bytesEstimate, problem }
      },
      retryAfterSeconds: () => Math.max(Math.ceil((nextAt - elapsed()) / 1_000), 1),
      close: () => closing.abort(),
    },
  }
}

/**
 * Reads a feed as a stream, from now on until it is closed: a revocation is known as soon as the issuer has sent it.
 * After a contact ends there is a pause of random length (full jitter), so that not all verifiers come back at once.
 */
function followFeed(options: Reading): RevocationFeed {
  const { elapsed, random } = options
  const reader = createReader(options)
  const { promise: met, resolve } = Promise.withResolvers<void>()
  let meeting: Promise<void> | undefined = met
  const meet = () => {
    meeting = undefined
    clearTimeout(timer)
    resolve()
  }
  const timer = setTimeout(meet, patienceMilliseconds)

  const follow = async () => {
    let failures = 0
    while (!reader.signal.aborted) {
      const startedAt = elapsed()
      await reader.contact(staleMilliseconds, () => {
        meet()
        return 'further'
      })
      meet()
      failures = elapsed() - startedAt >= goodMilliseconds ? 0 : failures + 1
      const pause = random() * pauseAfter(failures)
      reader.pauseFor(pause)
      await sleep(pause, reader.signal)
    }
  }
  void follow()

  return { ...reader.feed, catchUp: () => meeting, settled: () => undefined }
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = () => resolve()
  const timer = setTimeout(wake, milliseconds)
  signal.addEventListener('abort', wake)
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', wake)
}

/**
 * Reads a feed in short contacts, each made because of a request that found what is known older than 5 s: for runtimes
 * that do nothing between requests. That request is answered with what is known; one that finds it older than 15 s waits.
 */
function consultFeed(options: Reading): RevocationFeed {
  const reader = createReader(options)
  let flight: { readonly done: Promise<void>; readonly startedAt: number } | undefined
  let failures = 0

  const consult = (): Promise<void> | undefined => {
    const startedAt = options.elapsed()
    // One that is older was abandoned with the request that began it, as some runtimes do.
    if (flight !== undefined && startedAt - flight.startedAt < 2 * patienceMilliseconds) return flight.done
    if (!reader.mayContact()) return undefined
    const take = async () => {
      // Only the heartbeat brings the issuer's clock, by which entries are forgotten.
      const proven = await reader.contact(patienceMilliseconds, (event) => {
        return event === 'heartbeat' ? { over: 'done' } : 'further'
      })
      failures = proven ? 0 : failures + 1
      reader.pauseFor(proven ? 0 : pauseAfter(failures))
      if (flight === mine) flight = undefined
    }
    const mine = { done: Promise.resolve().then(take), startedAt }
    flight = mine
    return mine.done
  }

  return {
    ...reader.feed,
    catchUp() {
      const lag = reader.state.lagMilliseconds()
      if (lag <= dueMilliseconds) return undefined
      const consulting = consult()
      return lag <= staleMilliseconds ? undefined : consulting
    },
    settled: () => flight?.done,
  }
}
