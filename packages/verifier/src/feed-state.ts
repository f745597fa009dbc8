import {
  parseRevocationMessage,
  parseRevocationPosition,
  type RevocationEntry,
  type RevocationPosition,
  revocationHeartbeatMilliseconds,
} from '@pawl/protocol'
import type { StreamEvent } from './event-stream.ts'
import type { Hearing } from './feed-contact.ts'
import type { RevocationSet } from './revocation-set.ts'

/** Age of the last proof of being up to date beyond which a feed is stale: three heartbeats. */
export const staleMilliseconds: number = 3 * revocationHeartbeatMilliseconds

const sweepMilliseconds = 60_000

/** How far a reader of the feed has come, and how old what it knows is. */
export interface FeedState {
  /** Where to resume; undefined when everything has to be asked for. */
  readonly position: RevocationPosition | undefined
  /** For how long there has been no proof that nothing is missing; infinite before the first one. */
  lagMilliseconds(): number
  /** Tells that a contact begins. */
  begin(): void
  /** Takes the next event of the contact. */
  hear(event: StreamEvent): Hearing
  /** How often being up to date was proven. */
  readonly proofs: number
}

/**
 * Makes the state of a reader that has heard nothing yet.
 *
 * Everything that is heard is merged into the set before anything else is made of it, so that no order, repetition or
 * change of epoch takes an entry away. Where something may be missing, or was not understood, the place is forgotten and
 * the contact ends: the next one begins with a snapshot.
 */
export function createFeedState(options: {
  readonly set: RevocationSet
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly elapsed: () => number
}): FeedState {
  const { set, clock, elapsed } = options
  let position: RevocationPosition | undefined
  let proven: { readonly clock: number; readonly elapsed: number } | undefined
  let proofs = 0
  let began = 0
  let leastOffset = Number.POSITIVE_INFINITY
  let sweptAt = 0
  /** The issuer's clock is at least there, by what it said in this contact. */
  let issuerNow = 0

  /** Both clocks have to say that it is time: neither that leaps ahead may take entries away. */
  const sweep = () => set.sweep(Math.min(issuerNow, clock()))

  /**
   * Where there is no room the heartbeats that forget what has expired do not come any more, for they follow a complete
   * snapshot. So room is made here, once for each event: it takes as long as the set is large.
   */
  const keep = (entries: readonly RevocationEntry[]): boolean => {
    issuerNow = entries.reduce((latest, { at }) => Math.max(latest, at), issuerNow)
    let swept = false
    return entries.every((entry) => {
      if (set.add(entry)) return true
      if (!swept) sweep()
      swept = true
      return set.add(entry)
    })
  }

  const lose = (over: string): Hearing => {
    position = undefined
    return { over }
  }

  /** Nothing was missing that long ago. */
  const prove = (ageMilliseconds: number) => {
    proven = { clock: clock() - ageMilliseconds, elapsed: elapsed() - ageMilliseconds }
    proofs += 1
  }

  const beat = (now: number): Hearing => {
    // By how much this heartbeat took longer than the fastest of the contact: something in between may hold them back.
    const offset = elapsed() - now
    leastOffset = Math.min(leastOffset, offset)
    const delay = offset - leastOffset
    issuerNow = now
    if (Math.abs(now - sweptAt) >= sweepMilliseconds) {
      sweep()
      sweptAt = now
    }
    if (delay > staleMilliseconds) return 'nothing'
    prove(delay)
    return 'further'
  }

  const complete = (at: RevocationPosition, more: boolean): Hearing => {
    position = more ? undefined : at
    // It was taken some time after it was asked for.
    if (!more) prove(elapsed() - began)
    return 'further'
  }

  const step = (at: RevocationPosition): Hearing => {
    // Before the snapshot is complete there is nothing that a step could follow.
    if (position === undefined) return 'nothing'
    if (at.epoch !== position.epoch || at.sequence !== position.sequence + 1) return lose('gap')
    position = at
    return 'nothing'
  }

  return {
    get position() {
      return position
    },
    get proofs() {
      return proofs
    },
    begin() {
      began = elapsed()
      issuerNow = 0
      leastOffset = Number.POSITIVE_INFINITY
    },
    lagMilliseconds() {
      if (proven === undefined) return Number.POSITIVE_INFINITY
      // The clock may be set back, and what only grows may stand still while the machine sleeps.
      return Math.max(elapsed() - proven.elapsed, clock() - proven.clock, 0)
    },
    hear({ event, data, id }) {
      const message = parseRevocationMessage(event, data)
      if (message === 'other') return 'nothing'
      const at = parseRevocationPosition(id ?? '')
      if (message === undefined || at === undefined) return lose('malformed')
      if (message.event === 'heartbeat') {
        if (position === undefined) return 'nothing'
        return at.epoch === position.epoch && at.sequence === position.sequence ? beat(message.now) : lose('gap')
      }
      if (!keep(message.entries)) return lose('too many entries')
      return message.event === 'snapshot' ? complete(at, message.more) : step(at)
    },
  }
}
