import { encodeBase64url, parseRevocationPosition } from '@pawl/protocol'
import type { Random } from '../secrets/random.ts'
import { createFeedReader, type FeedReader } from './feed-reader.ts'
import { createFeedTail, type Sight } from './feed-tail.ts'
import type { RevocationStep, RevocationStore } from './revocation-store.ts'

/** A request to read the feed. */
export interface Subscription {
  /** `Last-Event-ID` as it came; what is not of its form counts as none. */
  readonly lastEventId: string | undefined
  /** When the right to read ends, in milliseconds since 1970; undefined: never. */
  readonly endsAt: number | undefined
  /** Number of the request, for the log. */
  readonly requestId: string
}

/** What there is to tell of a feed, for logs and metrics. */
export interface FeedReport {
  /** A step was read and is on its way to the readers, so many milliseconds after the change it tells of. */
  readonly step: (step: RevocationStep, ageMilliseconds: number) => void
  /** A reader did not take what it was sent. */
  readonly dropped: (requestId: string) => void
  /** A reader could not be sent what it asked for. */
  readonly failed: (error: unknown) => void
}

/** The revocation feed of one node: what its store holds, sent to whoever reads it. */
export interface RevocationFeed {
  /**
   * Begins to send: server-sent events, everything first or what came after the last event that the reader knows.
   *
   * @returns the body of the answer; `full` when too many read already, `ended` when no more is sent
   * @throws what the store throws when it does not answer
   */
  subscribe(subscription: Subscription): Promise<ReadableStream<Uint8Array> | 'full' | 'ended'>
  /** How many read. */
  readers(): number
  /**
   * Looks at the store and sends heartbeats. To be called every 5 seconds; without an answer of the store it sends none,
   * for it cannot vouch for anything.
   *
   * @throws what the store throws when it does not answer
   */
  beat(): Promise<void>
  /** Ends what is being sent, and begins nothing more. */
  end(): void
}

/** Most readers of one node. */
export const mostReaders = 1_000

/** A reader that takes nothing during so many heartbeats is let go: 30 seconds. */
const mostMissedBeats = 6

interface Reading {
  readonly reader: FeedReader
  readonly subscription: Subscription
  readonly close: () => void
  /** Whether the other side waits for us, rather than we for it. */
  isWaiting: boolean
  missedBeats: number
}

/**
 * Makes the feed of a node. The store is looked at while somebody reads, and only then.
 *
 * @param parts.random names an epoch, if this node notices that the store was put back to an earlier state
 */
export function createRevocationFeed(parts: {
  readonly store: RevocationStore
  readonly random: Random
  readonly report: FeedReport
}): RevocationFeed {
  const { store, random, report } = parts
  const readings = new Set<Reading>()
  let stopWatching: (() => void) | undefined
  let ended = false

  const tail = createFeedTail({
    store,
    newEpoch: () => encodeBase64url(random(12)),
    onSteps: (steps, now) => {
      for (const step of steps) {
        const newest = Math.max(...step.entries.map(({ at }) => at))
        if (step.entries.length > 0) report.step(step, Math.max(0, now - newest))
      }
      for (const { reader } of readings) reader.wake()
    },
    onBreak: closeAll,
  })

  function closeAll(): void {
    for (const reading of [...readings]) reading.close()
  }

  function watch(): void {
    // What fails here is told by the next heartbeat.
    stopWatching ??= store.watchRevocations(() => void tail.look().catch(() => {}))
  }

  function rest(): void {
    if (readings.size > 0) return
    stopWatching?.()
    stopWatching = undefined
    tail.forget()
  }

  function leave(reading: Reading): void {
    if (readings.delete(reading)) rest()
  }

  function streamOf(subscription: Subscription, sight: Sight): ReadableStream<Uint8Array> {
    const resume = parseRevocationPosition(subscription.lastEventId ?? '')
    const reader = createFeedReader({ store, tail, sight, resume })
    let reading: Reading | undefined

    async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
      if (reading === undefined) return
      reading.isWaiting = true
      reading.missedBeats = 0
      const piece = await reader.next().catch((error: unknown) => {
        report.failed(error)
        return undefined
      })
      if (!readings.has(reading)) return
      reading.isWaiting = false
      if (piece === undefined) reading.close()
      else controller.enqueue(piece)
    }

    // Nothing is made before it is asked for: what a slow reader does not take waits in the tail or the store.
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          const close = () => {
            if (reading === undefined || !readings.has(reading)) return
            leave(reading)
            reader.end()
            controller.close()
          }
          reading = { reader, subscription, close, isWaiting: false, missedBeats: 0 }
          readings.add(reading)
          // The last of the others may have left while the store was asked.
          watch()
        },
        pull,
        cancel() {
          if (reading !== undefined) leave(reading)
          reader.end()
        },
      },
      { highWaterMark: 0 },
    )
  }

  function beatOne(reading: Reading, now: number): void {
    const { endsAt, requestId } = reading.subscription
    reading.missedBeats = reading.isWaiting ? 0 : reading.missedBeats + 1
    const isStuck = reading.missedBeats > mostMissedBeats
    if (isStuck) report.dropped(requestId)
    if (isStuck || (endsAt !== undefined && endsAt <= now)) reading.close()
    else reading.reader.beat()
  }

  return {
    async subscribe(subscription) {
      if (ended) return 'ended'
      if (readings.size >= mostReaders) return 'full'
      watch()
      try {
        const sight = await tail.look()
        // Others may have come, or the server have begun to stop, while the store was asked.
        if (ended) return 'ended'
        return readings.size >= mostReaders ? 'full' : streamOf(subscription, sight)
      } finally {
        rest()
      }
    },
    readers: () => readings.size,
    async beat() {
      if (readings.size === 0) return
      const { now } = await tail.look()
      for (const reading of [...readings]) beatOne(reading, now)
    },
    end() {
      ended = true
      closeAll()
      rest()
    },
  }
}
