/** What happened in a run, for people. */
export interface Journal {
  /** Says what somebody does, as the rest of a sentence that begins with the name. */
  readonly note: (actor: string, deed: string) => void
  /** The story so far. */
  readonly lines: () => readonly string[]
}

interface Entry {
  readonly at: number
  readonly actor: string
  readonly deeds: string[]
}

/**
 * Keeps the story of a run. What one actor does without anybody coming in between is one line, so that a line break is
 * where the order of things mattered.
 *
 * @param elapsed milliseconds since the run began
 */
export function createJournal(elapsed: () => number): Journal {
  const entries: Entry[] = []
  return {
    note: (actor, deed) => {
      const last = entries.at(-1)
      if (last?.actor === actor && last.at === elapsed()) last.deeds.push(deed)
      else entries.push({ at: elapsed(), actor, deeds: [deed] })
    },
    lines: () => entries.map(({ at, actor, deeds }) => `${inSeconds(at)}  ${actor} ${deeds.join(', ')}`),
  }
}

function inSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3).padStart(12)} s`
}

/** A length of time as people say it. */
export function duration(milliseconds: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['second', 1000],
  ] as const
  const unit = units.find(([, length]) => milliseconds >= length && milliseconds % length === 0)
  if (unit === undefined) return `${milliseconds} ms`
  const count = milliseconds / unit[1]
  return `${count} ${unit[0]}${count === 1 ? '' : 's'}`
}
