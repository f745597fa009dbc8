import { formatRevocationEvent, type RevocationPosition } from '@pawl/protocol'
import { type FeedTail, frameOf, type Sight } from './feed-tail.ts'
import { type EntryPlace, largestStep, type RevocationStore } from './revocation-store.ts'

/** What one reader of the feed is sent, piece by piece, as fast as it takes them. */
export interface FeedReader {
  /** The next piece, as soon as there is one; undefined: that was all. */
  next(): Promise<Uint8Array | undefined>
  /** There is something new. */
  wake(): void
  /** A heartbeat is due. */
  beat(): void
  /** Nothing more is to come. */
  end(): void
}

/** Whoever has missed more steps than these is sent everything: that is less, and says in between that it goes on. */
const mostMissed = 10_000

const encoder = new TextEncoder()

/**
 * Makes a reader. It holds nothing but its place: what it has not taken yet stays where all share it, in the tail or in
 * the store.
 *
 * @param parts.sight a look of just now, where a reader that is sent everything begins
 * @param parts.resume the last event that it knows; undefined: none
 */
export function createFeedReader(parts: {
  readonly store: Pick<RevocationStore, 'readRevocationSteps' | 'readRevocationPage'>
  readonly tail: Pick<FeedTail, 'after' | 'sight'>
  readonly sight: Sight
  readonly resume: RevocationPosition | undefined
}): FeedReader {
  const { store, tail, sight, resume } = parts
  const { epoch } = sight.position
  let cursor = 0
  let ended = false
  let beatDue = true
  let wakeUp: (() => void) | undefined

  function wake(): void {
    wakeUp?.()
    wakeUp = undefined
  }

  /** Whether all steps behind the last one that the reader knows are still there. */
  async function canResume(from: RevocationPosition): Promise<boolean> {
    const missed = sight.position.sequence - from.sequence
    if (from.epoch !== epoch || missed < 0 || missed > mostMissed) return false
    if (missed === 0 || tail.after(from.sequence) !== 'behind') return true
    const { position, steps } = await store.readRevocationSteps(from.sequence)
    return position.epoch === epoch && steps[0]?.sequence === from.sequence + 1
  }

  async function* snapshot(): AsyncGenerator<Uint8Array> {
    const { sequence: upTo } = sight.position
    for (let after: EntryPlace | undefined; ; ) {
      const { position, entries, next } = await store.readRevocationPage({ after, upTo, limit: largestStep })
      if (position.epoch !== epoch || ended) return
      const more = next !== undefined
      // Only the last part says where to resume: whoever breaks off before has missed something.
      const sequence = more ? 0 : upTo
      yield encoder.encode(formatRevocationEvent({ epoch, sequence }, { event: 'snapshot', entries, more }))
      if (!more) {
        cursor = upTo
        return
      }
      after = next
    }
  }

  /** For a reader that has fallen behind what the tail holds. */
  async function* catchUp(): AsyncGenerator<Uint8Array> {
    const { position, steps } = await store.readRevocationSteps(cursor)
    const isWhole = steps.length > 0 && steps.every(({ sequence }, index) => sequence === cursor + 1 + index)
    // It comes back and is told everything.
    if (position.epoch !== epoch || !isWhole) ended = true
    else for (const step of steps) yield take(frameOf(epoch, step))
  }

  function take({ sequence, bytes }: { readonly sequence: number; readonly bytes: Uint8Array }): Uint8Array {
    cursor = sequence
    return bytes
  }

  async function* pieces(): AsyncGenerator<Uint8Array> {
    if (resume !== undefined && (await canResume(resume))) cursor = resume.sequence
    else yield* snapshot()
    while (!ended) {
      const frames = tail.after(cursor)
      const now = tail.sight()?.now
      if (frames === 'behind') yield* catchUp()
      else if (frames.length > 0) for (const frame of frames) yield take(frame)
      else if (beatDue && now !== undefined) {
        beatDue = false
        yield encoder.encode(formatRevocationEvent({ epoch, sequence: cursor }, { event: 'heartbeat', now }))
      } else {
        await new Promise<void>((resolve) => {
          wakeUp = resolve
        })
      }
    }
  }

  const iterator = pieces()
  return {
    async next() {
      if (ended) return undefined
      const { done, value } = await iterator.next()
      return done === true || ended ? undefined : value
    },
    wake,
    beat() {
      beatDue = true
      wake()
    },
    end() {
      ended = true
      wake()
    },
  }
}
