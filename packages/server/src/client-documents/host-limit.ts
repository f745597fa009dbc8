import type { Clock } from '../secrets/random.ts'
import type { FetchDocument } from './fetch-document.ts'

/** Fetches from one host within a minute. */
const mostPerMinute = 30
const windowMilliseconds = 60_000
/** Hosts remembered at once; beyond that the oldest is forgotten. */
const mostHosts = 10_000

interface Window {
  readonly begunAt: number
  readonly fetches: number
}

/**
 * Lets so many fetches through to any one host. Failures are not kept, so without this, strangers could have the server
 * knock at somebody's door as often as they like.
 *
 * @param clock milliseconds
 */
export function limitPerHost(fetch: FetchDocument, clock: Clock): FetchDocument {
  const windows = new Map<string, Window>()
  return async (request) => {
    const host = URL.canParse(request.url) ? new URL(request.url).hostname : ''
    const now = clock()
    const known = windows.get(host)
    const current =
      known !== undefined && now < known.begunAt + windowMilliseconds ? known : { begunAt: now, fetches: 0 }
    if (current.fetches >= mostPerMinute) return { kind: 'unavailable', detail: 'busy' }
    windows.delete(host)
    windows.set(host, { ...current, fetches: current.fetches + 1 })
    const [oldest] = windows.keys()
    if (windows.size > mostHosts && oldest !== undefined) windows.delete(oldest)
    return fetch(request)
  }
}
