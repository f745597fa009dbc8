import { expect } from 'vitest'
import { signIn } from '../running-server/first-party-calls.ts'
import { type Fleet, type FleetNode, type NodeChange, processesOf } from './fleet.ts'
import { describe, type Exchange, type History, statusOf } from './history.ts'
import { hold, holdOn, neighbours } from './holders.ts'
import { judgeHistory } from './judge-history.ts'
import { createRecorder } from './recorder.ts'
import { createSharedStore, type SharedStore } from './shared-store.ts'

/** What a test can do while clients refresh at all nodes. */
export interface Load {
  readonly stores: readonly SharedStore[]
  /** Drains a node, and starts it again as something else. */
  readonly exchange: (node: FleetNode, change: NodeChange) => Promise<void>
}

/** What came of it. */
export interface ExchangeRun {
  readonly history: History
  /** When which node was on its way out, away, or on its way in; milliseconds of the history. */
  readonly absences: readonly { readonly node: string; readonly from: number; readonly until: number }[]
}

const windowMilliseconds = 30_000
const clients = 24

/** Has clients refresh at all nodes while something is done to these, and once more for each session afterwards. */
export async function underLoad(fleet: Fleet, work: (load: Load) => Promise<void>): Promise<ExchangeRun> {
  const recorder = createRecorder()
  const surroundings = { recorder, addresses: fleet.addresses }
  const nodes = processesOf(fleet)
  const stores = await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const { session_id: session, refresh_token: token } = await signIn(nodes[index % nodes.length] ?? nodes[0])
      const pace = index % 2 === 0 ? 'in step' : 'in windows'
      const { now } = recorder
      return createSharedStore({ session, token, pace, windowMilliseconds, runMilliseconds: windowMilliseconds, now })
    }),
  )
  const holders = neighbours(stores)
  const stop = new AbortController()
  const holding = Promise.all(holders.map((holder) => hold(holder, surroundings, { stop: stop.signal, rest: 100 })))
  const absences: { node: string; from: number; until: number }[] = []
  const exchange: Load['exchange'] = async (node, change) => {
    const from = recorder.now()
    const { status, signal } = await node.drain()
    expect({ status, signal }).toEqual({ status: 0, signal: null })
    await node.start(change)
    absences.push({ node: node.name, from, until: recorder.now() })
  }
  await Promise.race([work({ stores, exchange }), holding.then(endedEarly)])
  stop.abort()
  await holding
  const calmFrom = recorder.now()
  await Promise.all(holders.map((holder) => holdOn(holder, surroundings)))
  return { history: recorder.history(calmFrom, windowMilliseconds), absences }
}

function endedEarly(): never {
  throw new Error('the clients ended by themselves')
}

/**
 * What counts as a failure: any answer but 200; a connection that breaks at a node which is not on its way out or away;
 * and one that breaks there, if none of the other nodes answers the same client 200, tried once each and without waiting.
 */
export function expectNothingFailed({ history, absences }: ExchangeRun, log: string): void {
  const { exchanges } = history
  expect(exchanges.filter((exchange) => ![200, undefined].includes(statusOf(exchange))).map(describe)).toEqual([])
  const broken = exchanges.filter((exchange) => statusOf(exchange) === undefined)
  const elsewhere = broken.filter(
    ({ node, start, end }) =>
      !absences.some((absence) => absence.node === node && absence.from <= end && start <= absence.until),
  )
  expect(elsewhere.map(describe)).toEqual([])
  const stranded = broken.filter((exchange) => !isHelpedAtOnce(exchange, exchanges))
  expect(stranded.map(describe)).toEqual([])
  expect(judgeHistory(history)).toEqual([])
  expect(log).not.toMatch(/"type":"session_(replayed|superseded_use|rolled_forward|ended)"/)
  const counts = { requests: exchanges.length, triedAnotherNode: broken.length, failed: 0, exchanged: absences.length }
  process.stderr.write(`${JSON.stringify(counts)}\n`)
  expect(exchanges.length).toBeGreaterThan(200)
}

function isHelpedAtOnce(broken: Exchange, exchanges: readonly Exchange[]): boolean {
  const later = exchanges
    .filter(({ client, start }) => client === broken.client && start >= broken.end)
    .toSorted((one, other) => one.start - other.start)
  const tried = new Set([broken.node])
  for (const exchange of later) {
    if (tried.has(exchange.node)) return false
    if (statusOf(exchange) !== undefined) return statusOf(exchange) === 200
    tried.add(exchange.node)
  }
  return false
}
