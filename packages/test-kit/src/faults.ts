import { fractionOf, seededRandom } from './seeded-random.ts'

/** Every fault that has a name. */
export const faultNames = [
  'drop-request',
  'drop-reply',
  'delay-request',
  'delay-reply',
  'delay-commit',
  'duplicate',
  'reorder',
  'kill-after-commit',
  'store-away',
  'html',
] as const

/**
 * What can go wrong between a client and the issuer, and inside the issuer at its commit.
 * - `drop-request`: it never arrives
 * - `drop-reply`: the issuer has done it, and nobody hears
 * - `delay-request`, `delay-reply`: on the way until the clock has moved on
 * - `delay-commit`: decided, and not yet written until the clock has moved on
 * - `duplicate`: it arrives twice; the answer to the first comes back
 * - `reorder`: the answer comes back only after that of the next request to the same endpoint, or when time has passed
 * - `kill-after-commit`: the node dies once it has written, and all that it knew but the store; the next request finds a
 *   new node on that store
 * - `store-away`: the store does not answer, so the issuer answers 503
 * - `html`: somebody else answers 200 with a page: a captive portal, a proxy of another kind
 */
export type FaultName = (typeof faultNames)[number]

/** A fault of a test's own: stands between client and issuer, and answers, throws, or lets the request through. */
export type CustomFault = (request: Request, proceed: () => Promise<Response>) => Promise<Response>

/** A fault; `none` lets one request pass. */
export type Fault = FaultName | CustomFault | 'none'

/** Whom a fault is for: an endpoint by name, any by its path below the issuer, or all of them. */
export type FaultTarget = 'login' | 'refresh' | 'logout' | 'session' | 'token' | 'jwks' | 'any' | `/${string}`

/** How a fault behaves. */
export interface FaultOptions {
  /** How long a delay lasts, and `reorder` waits for the other one, in seconds of the test clock. Default 5. */
  readonly seconds?: number
}

/** Faults drawn by lot. */
export interface RandomFaults {
  /** The same seed gives the same faults for the same requests in the same order. */
  readonly seed: number | string
  /** Share of the requests that are hit, from 0 to 1. Default 0.25. */
  readonly share?: number
  /** Which faults. Default: all that have a name. */
  readonly faults?: readonly FaultName[]
  /** Whom they hit. Default: `any`. */
  readonly target?: FaultTarget
  /** Longest delay, in seconds. Default 20, which is longer than the client waits. */
  readonly seconds?: number
}

/** Makes requests to the issuer fail, by script or by lot. The first that applies is taken: script, then outage, then lot. */
export interface Faults {
  /** The next request to that endpoint meets this fault. Called again, it speaks of the one after it, and so on. */
  readonly next: (target: FaultTarget, fault: Fault, options?: FaultOptions) => void
  /**
   * Every request to that endpoint meets this fault.
   *
   * @returns a function that ends it
   */
  readonly always: (target: FaultTarget, fault: Fault, options?: FaultOptions) => () => void
  /**
   * Requests meet faults by lot.
   *
   * @returns a function that ends it
   */
  readonly random: (options: RandomFaults) => () => void
  /** From here on nothing fails, and nothing that was announced will. */
  readonly clear: () => void
}

/** A fault that a request meets. */
export interface DrawnFault {
  readonly fault: Fault
  readonly milliseconds: number
}

/** The faults as the transport sees them. */
export interface FaultScript extends Faults {
  /** @param path below the issuer */
  readonly draw: (path: string) => DrawnFault
}

const namedPaths: Readonly<Record<Exclude<FaultTarget, `/${string}` | 'any'>, string>> = {
  login: '/auth/login',
  refresh: '/auth/refresh',
  logout: '/auth/logout',
  session: '/auth/session',
  token: '/oauth/token',
  jwks: '/oauth/jwks',
}

interface Announced extends DrawnFault {
  readonly path: string
}

type Lot = (path: string) => DrawnFault | undefined

/** Starts with nothing going wrong. */
export function createFaults(): FaultScript {
  const script: Announced[] = []
  const outages = new Set<Announced>()
  const lots = new Set<Lot>()
  const none: DrawnFault = { fault: 'none', milliseconds: 0 }

  function drawLots(path: string): DrawnFault | undefined {
    for (const lot of lots) {
      const drawn = lot(path)
      if (drawn !== undefined) return drawn
    }
    return undefined
  }

  return {
    next: (target, fault, options) => {
      script.push(announce(target, fault, options))
    },
    always: (target, fault, options) => {
      const outage = announce(target, fault, options)
      outages.add(outage)
      return () => {
        outages.delete(outage)
      }
    },
    random: (options) => {
      const lot = createLot(options)
      lots.add(lot)
      return () => {
        lots.delete(lot)
      }
    },
    clear: () => {
      script.length = 0
      outages.clear()
      lots.clear()
    },
    draw: (path) => {
      const scripted = script.findIndex((announced) => isMeant(announced.path, path))
      if (scripted !== -1) return script.splice(scripted, 1)[0] ?? none
      for (const outage of outages) if (isMeant(outage.path, path)) return outage
      return drawLots(path) ?? none
    },
  }
}

function announce(target: FaultTarget, fault: Fault, { seconds = 5 }: FaultOptions = {}): Announced {
  return { path: pathOf(target), fault, milliseconds: seconds * 1_000 }
}

function createLot({ seed, share = 0.25, faults = faultNames, target = 'any', seconds = 20 }: RandomFaults): Lot {
  const random = seededRandom(`faults ${seed}`)
  const wanted = pathOf(target)
  return (path) => {
    if (!isMeant(wanted, path)) return undefined
    // Three numbers for each request, used or not, so that one request's fate does not change that of those after it.
    const [hit, which, long] = [fractionOf(random), fractionOf(random), fractionOf(random)]
    const fault = faults[Math.floor(which * faults.length)]
    if (fault === undefined || hit >= share) return undefined
    return { fault, milliseconds: Math.ceil(long * seconds) * 1_000 }
  }
}

function isMeant(wanted: string, path: string): boolean {
  return wanted === 'any' || wanted === path
}

function pathOf(target: FaultTarget): string {
  if (target === 'any') return target
  // Not by a cast: the compiler cannot know that what begins with a slash is no name.
  return isName(target) ? namedPaths[target] : target
}

function isName(target: string): target is keyof typeof namedPaths {
  return Object.hasOwn(namedPaths, target)
}
