import { AsyncLocalStorage } from 'node:async_hooks'
import type { Activity } from './activity.ts'
import type { FaultName, FaultScript } from './faults.ts'
import { type AnswerRequest, connectionLost, meetFault } from './meet-fault.ts'
import type { TestClock } from './test-clock.ts'
import { withSignal } from './with-signal.ts'

/** A request to the issuer and what became of it. */
export interface Exchange {
  readonly method: string
  /** Path below the issuer, without query. */
  readonly path: string
  readonly fault: FaultName | 'custom' | 'none'
  /** Status of the reply that the sender got; undefined while there is none, and when there never was one. */
  readonly status: number | undefined
}

/** Answers requests: an API or a page of the application under test. */
export type Handler = (request: Request) => Response | Promise<Response>

/** The wire of a test: everything that is sent goes through here, and none of it leaves the process. */
export interface Transport {
  /** Relative URLs are relative to the issuer. Rejects as `fetch` does where the test serves nothing. */
  readonly fetch: typeof globalThis.fetch
  readonly serve: (address: string, handler: Handler) => void
  readonly exchanges: readonly Exchange[]
  /** What is sent in the course of this work meets no fault and is not told of: it sets a test up. */
  readonly aside: <Value>(work: () => Promise<Value>) => Promise<Value>
}

type OpenExchange = { -readonly [Name in keyof Exchange]: Exchange[Name] }

/** Taken now: fake timers of a test runner may replace it later. */
const { setImmediate } = globalThis

/**
 * Lays the wire.
 *
 * @param parts.issuer URL without trailing slash
 */
export function createTransport(parts: {
  readonly issuer: string
  readonly answer: AnswerRequest
  readonly faults: FaultScript
  readonly clock: Pick<TestClock, 'wait'>
  readonly activity: Activity
}): Transport {
  const { answer, faults, clock, activity } = parts
  const issuer = new URL(parts.issuer)
  const basePath = issuer.pathname.replace(/\/$/, '')
  const served = new Map<string, Handler>()
  const exchanges: OpenExchange[] = []
  const overtaking = createOvertaking()
  const setUp = new AsyncLocalStorage<true>()

  /** The handler with the longest address that the URL lies below. */
  function findHandler(url: URL): Handler | undefined {
    const addresses = [...served.keys()].filter((address) => isBelow(url.href, address))
    const longest = addresses.sort((one, other) => other.length - one.length)[0]
    return longest === undefined ? undefined : served.get(longest)
  }

  async function exchange(request: Request, { pathname }: URL, signal: AbortSignal): Promise<Response> {
    const path = pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : pathname
    const drawn = faults.draw(path)
    const { fault } = drawn
    const entry: OpenExchange = {
      method: request.method,
      path,
      fault: typeof fault === 'function' ? 'custom' : fault,
      status: undefined,
    }
    exchanges.push(entry)
    const place = overtaking.enter(path, fault === 'reorder')
    try {
      const surroundings = {
        answer,
        delay: (milliseconds: number) => activity.hold(clock.wait(milliseconds)),
        overtaken: () => activity.hold(place.overtaken),
        signal,
      }
      const reply = await withSignal(
        activity.run(() => meetFault(drawn, request, surroundings)),
        signal,
      )
      entry.status = reply.status
      return reply
    } finally {
      place.leave()
    }
  }

  return {
    fetch: async (input, init) => {
      const request = new Request(input instanceof Request ? input : new URL(input, `${parts.issuer}/`), init)
      const signal = init?.signal ?? request.signal
      signal.throwIfAborted()
      const url = new URL(request.url)
      const handler = findHandler(url)
      if (handler !== undefined) {
        return await withSignal(
          activity.run(async () => await handler(request)),
          signal,
        )
      }
      if (url.origin === issuer.origin) {
        return setUp.getStore() ? await answer(request) : await exchange(request, url, signal)
      }
      throw connectionLost(`nothing is served at ${url.origin}; see serve()`)
    },
    serve: (address, handler) => {
      served.set(new URL(address).href.replace(/\/$/, ''), handler)
    },
    exchanges,
    aside: (work) => setUp.run(true, work),
  }
}

function isBelow(href: string, address: string): boolean {
  return href.startsWith(address) && /^(?:$|[/?#])/.test(href.slice(address.length))
}

/** Requests to one path, and answers among them that wait until a later one has been answered. */
interface Overtaking {
  readonly enter: (
    path: string,
    waits: boolean,
  ) => {
    /** Resolves when a request that entered later has left. */
    readonly overtaken: Promise<void>
    readonly leave: () => void
  }
}

function createOvertaking(): Overtaking {
  const waiting = new Map<string, Set<() => void>>()
  return {
    enter: (path, waits) => {
      const held = waiting.get(path) ?? new Set()
      waiting.set(path, held)
      const earlier = [...held]
      const { promise, resolve } = Promise.withResolvers<void>()
      if (waits) held.add(resolve)
      return {
        overtaken: promise,
        leave: () => {
          held.delete(resolve)
          for (const release of earlier) {
            held.delete(release)
            // A turn later, so that whoever got this answer has taken it in before the held one arrives.
            setImmediate(release)
          }
        },
      }
    },
  }
}
