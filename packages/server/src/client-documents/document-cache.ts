import type { Clock } from '../secrets/random.ts'
import type { DocumentReading } from './fetch-document.ts'

/** What a document holds, or why that is not known. */
export type Kept<Value> =
  | { readonly kind: 'read'; readonly value: Value }
  | { readonly kind: 'refused' | 'unavailable'; readonly detail: string }

/** Reads documents by their URL and keeps what they hold for a while. */
export interface DocumentCache<Value> {
  /**
   * @param options.anew fetches again although what is kept is fresh, unless that was done within the last 30 s
   */
  read(url: string, options?: { readonly anew?: boolean }): Promise<Kept<Value>>
}

/** How long what was read is kept; in seconds, whatever its sender says. */
const shortestFreshSeconds = 60
const longestFreshSeconds = 3_600
const freshSeconds = 300
/** How long the last one goes on to be used while a newer one cannot be had. */
const staleSeconds = 86_400
/** The shortest time between two fetches for the sake of something that was not found. */
const coolDownSeconds = 30
/** Documents kept at once; the one that was not asked for the longest goes first. */
const mostKept = 1_000

interface Entry<Value> {
  readonly value: Value
  readonly freshUntil: number
  readonly usableUntil: number
}

/**
 * A cache of documents (standards CM-4, JW-8): those who ask for one at once share one fetch; refusals and documents that
 * do not parse are never kept, and put an end to what was kept before.
 *
 * @param options.fetch fetches one; never rejects
 * @param options.parse takes out of a document what is wanted of it; undefined: it is not what it should be
 * @param options.clock milliseconds that the bounds are measured by
 */
export function createDocumentCache<Value>(options: {
  readonly fetch: (url: string) => Promise<DocumentReading>
  readonly parse: (document: Readonly<Record<string, unknown>>, url: string) => Value | undefined
  readonly clock: Clock
}): DocumentCache<Value> {
  const { fetch, parse, clock } = options
  const entries = new Map<string, Entry<Value>>()
  const underWay = new Map<string, Promise<Kept<Value>>>()
  const lastTried = new Map<string, number>()

  async function fetched(url: string): Promise<Kept<Value>> {
    remember(lastTried, url, clock())
    const reading = await fetch(url)
    const now = clock()
    const before = entries.get(url)
    if (reading.kind === 'unavailable') {
      return before !== undefined && now < before.usableUntil ? { kind: 'read', value: before.value } : reading
    }
    const value = reading.kind === 'read' ? parse(reading.document, url) : undefined
    if (reading.kind === 'refused' || value === undefined) {
      entries.delete(url)
      return reading.kind === 'refused' ? reading : { kind: 'refused', detail: 'content' }
    }
    const seconds = Math.min(Math.max(reading.maxAgeSeconds ?? freshSeconds, shortestFreshSeconds), longestFreshSeconds)
    const freshUntil = now + seconds * 1000
    remember(entries, url, { value, freshUntil, usableUntil: freshUntil + staleSeconds * 1000 })
    return { kind: 'read', value }
  }

  return {
    read: (url, { anew = false } = {}) => {
      const entry = entries.get(url)
      const now = clock()
      const cool = now - (lastTried.get(url) ?? Number.NEGATIVE_INFINITY) < coolDownSeconds * 1000
      if (entry !== undefined && now < entry.freshUntil && (!anew || cool)) {
        remember(entries, url, entry)
        return Promise.resolve({ kind: 'read', value: entry.value })
      }
      const waiting = underWay.get(url) ?? fetched(url).finally(() => underWay.delete(url))
      underWay.set(url, waiting)
      return waiting
    },
  }
}

/** Puts an entry at the young end, and lets go of the oldest. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > mostKept && oldest !== undefined) map.delete(oldest)
}
