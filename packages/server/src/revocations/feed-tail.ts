import { formatRevocationEvent, type RevocationEntry, type RevocationPosition } from '@pawl/protocol'
import type { RevocationReading, RevocationStep, RevocationStore } from './revocation-store.ts'

/** A step as it goes over the wire, encoded once for all readers. */
export interface Frame {
  readonly sequence: number
  readonly bytes: Uint8Array
}

/** How far the newest steps have been read, and the store's instant of that look. */
export interface Sight {
  readonly position: RevocationPosition
  /** Milliseconds since 1970: nothing that was committed before is missing. */
  readonly now: number
}

/** The newest steps of the feed, held for all the readers of this node together. */
export interface FeedTail {
  /**
   * Reads what is new, until nothing is. Calls that come meanwhile share one further look.
   *
   * @throws what the store throws when it does not answer
   */
  look(): Promise<Sight>
  /** The last look; undefined before the first. */
  sight(): Sight | undefined
  /** The steps behind one, in order; `behind` where that one is older than what is held. */
  after(sequence: number): readonly Frame[] | 'behind'
  /** Forgets everything; the next look begins at the newest step. */
  forget(): void
}

/** So much is held; whoever has fallen further behind reads from the store again. */
const mostEntries = 10_000
const mostBytes = 1_048_576

const encoder = new TextEncoder()

/** Writes a step as an event of the feed. */
export function frameOf(epoch: string, { sequence, entries }: RevocationStep): Frame {
  return { sequence, bytes: encoder.encode(formatRevocationEvent({ epoch, sequence }, { event: 'entries', entries })) }
}

/**
 * Reads the newest steps.
 *
 * @param parts.newEpoch draws the name of an epoch
 * @param parts.onSteps told of new steps, with the instant of the look
 * @param parts.onBreak told when readers must begin anew: the epoch is another one, or steps were missed
 */
export function createFeedTail(parts: {
  readonly store: Pick<RevocationStore, 'readRevocationSteps' | 'startRevocationEpoch'>
  readonly newEpoch: () => string
  readonly onSteps: (steps: readonly RevocationStep[], now: number) => void
  readonly onBreak: () => void
}): FeedTail {
  const { store, newEpoch, onSteps, onBreak } = parts
  let seen: Sight | undefined
  let newest: RevocationStep | undefined
  let held: { readonly frame: Frame; readonly entries: number }[] = []
  let entries = 0
  let bytes = 0
  let looking: Promise<Sight> | undefined
  let again = false

  function forget(): void {
    seen = undefined
    newest = undefined
    held = []
    entries = 0
    bytes = 0
  }

  function hold(step: RevocationStep, epoch: string): void {
    const frame = frameOf(epoch, step)
    held.push({ frame, entries: step.entries.length })
    entries += step.entries.length
    bytes += frame.bytes.length
    while (held.length > 1 && (entries > mostEntries || bytes > mostBytes)) {
      const oldest = held.shift()
      entries -= oldest?.entries ?? 0
      bytes -= oldest?.frame.bytes.length ?? 0
    }
  }

  /** The store was put back behind what this node has seen of it, and has perhaps gone on from there. */
  function isAnother({ position, steps, now }: RevocationReading, from: Sight): boolean {
    if (position.sequence < from.position.sequence) return true
    const [inItsPlace] = steps
    if (newest === undefined || inItsPlace?.sequence !== newest.sequence) return false
    return alive(inItsPlace.entries, now) !== alive(newest.entries, now)
  }

  async function lookOnce(): Promise<Sight> {
    const from = seen
    // With the newest step that is known already, so that one of another history in its place is noticed.
    const reading = await store.readRevocationSteps(
      from === undefined ? Number.MAX_SAFE_INTEGER : from.position.sequence - 1,
    )
    const { position, now } = reading
    // Forgotten meanwhile, or nothing was known: the newest step is where it begins.
    if (from === undefined || seen !== from) return begin({ position, now })
    if (position.epoch !== from.position.epoch) return breakOff(reading)
    if (isAnother(reading, from)) {
      await store.startRevocationEpoch(newEpoch())
      return breakOff(await store.readRevocationSteps(Number.MAX_SAFE_INTEGER))
    }
    const steps = reading.steps.filter(({ sequence }) => sequence > from.position.sequence)
    const isWhole = steps.every(({ sequence }, index) => sequence === from.position.sequence + 1 + index)
    const last = steps.at(-1)
    const sequence = last?.sequence ?? from.position.sequence
    // Steps may go once they have expired. A look that finds none of them any more comes far too late.
    if (!isWhole || (last === undefined && position.sequence > sequence)) return breakOff(reading)
    for (const step of steps) hold(step, position.epoch)
    newest = last ?? newest
    seen = { position: { epoch: position.epoch, sequence }, now }
    again ||= sequence < position.sequence
    if (steps.length > 0) onSteps(steps, now)
    return seen
  }

  function begin(sight: Sight): Sight {
    seen = { position: sight.position, now: sight.now }
    return seen
  }

  function breakOff(reading: RevocationReading): Sight {
    forget()
    onBreak()
    return begin(reading)
  }

  async function lookUntilDone(): Promise<Sight> {
    try {
      for (;;) {
        again = false
        const sight = await lookOnce()
        if (!again) return sight
      }
    } finally {
      looking = undefined
    }
  }

  return {
    look() {
      if (looking === undefined) looking = lookUntilDone()
      else again = true
      return looking
    },
    sight: () => seen,
    after(sequence) {
      if (seen === undefined || sequence >= seen.position.sequence) return []
      const first = held[0]?.frame.sequence
      if (first === undefined || sequence < first - 1) return 'behind'
      return held.slice(sequence - first + 1).map(({ frame }) => frame)
    },
    forget,
  }
}

function alive(entries: readonly RevocationEntry[], now: number): string {
  return JSON.stringify(entries.filter(({ until }) => until > now))
}
