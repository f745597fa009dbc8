import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { signIn } from '../running-server/first-party-calls.ts'
import type { Fleet } from './fleet.ts'
import { generationOf, type History, sessionsOf, statusOf } from './history.ts'
import { hold, holdOn, neighbours, type Surroundings, signOut } from './holders.ts'
import { judgeHistory } from './judge-history.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import { createSharedStore, type Pace, type SharedStore } from './shared-store.ts'
import { stealAndForget, stealAndGoFirst, stealAndWait } from './thieves.ts'

/** What a run does. */
export interface ChaosPlan {
  readonly fleet: Fleet
  readonly milliseconds: number
  /** Clients, and as many sessions; each client refreshes its own and those of two neighbours. */
  readonly clients: number
  readonly windowMilliseconds: number
  /** Whether nodes are killed and started again, and stand still for a while, one after the other, without end. */
  readonly disturbs: boolean
  /** The store, where it crashes in the middle of the run and comes back once clients have felt it; default: it stays. */
  readonly store?: { readonly crash: () => Promise<void>; readonly start: () => Promise<void> }
  /** How long one node stands still, from the beginning on; default: none does. */
  readonly freezeMilliseconds?: number
  /** Whether there are thieves who wait for a race window, so that the run lasts longer than that. */
  readonly patientThieves: boolean
}

/** What came of a run. */
export interface ChaosReport {
  readonly history: History
  readonly counts: {
    readonly requests: number
    readonly answers: number
    readonly unavailable: number
    readonly unanswered: number
    /** Successors that were given out. */
    readonly successors: number
    /** Successors that were given out more than once: races, and replies fetched again. */
    readonly shared: number
    readonly kills: number
    readonly freezes: number
    readonly signOuts: number
    readonly thieves: number
  }
}

/** Leaves nodes that start again some of the processor. */
const longestRest = 200

/** Runs clients, faults, thieves and sign-outs together, then lets all come to rest and has every holder try once more. */
export async function runChaos(plan: ChaosPlan): Promise<ChaosReport> {
  const { fleet, windowMilliseconds } = plan
  const recorder = createRecorder()
  const surroundings = { recorder, addresses: fleet.addresses }
  const open = async (pace: Pace) => {
    const node = fleet.nodes[randomInt(fleet.nodes.length)]?.process()
    if (node === undefined) throw new Error('there are no nodes')
    const { session_id: session, refresh_token: token } = await signIn(node)
    return createSharedStore({
      session,
      token,
      pace,
      windowMilliseconds,
      runMilliseconds: plan.milliseconds,
      now: recorder.now,
    })
  }
  const paces = Array.from({ length: plan.clients }, (_, index): Pace => (index % 2 === 0 ? 'in step' : 'in windows'))
  const stores = await Promise.all(paces.map(open))
  // Its owner sleeps, and comes back when all is over.
  const sleeping = plan.patientThieves ? await open('in step') : undefined
  const holders = neighbours(stores)

  const stop = new AbortController()
  const holding = Promise.all(
    holders.map((holder) => hold(holder, surroundings, { stop: stop.signal, rest: plan.disturbs ? longestRest : 0 })),
  )
  const disturbing = plan.disturbs ? disturb(fleet, stop.signal) : Promise.resolve({ kills: 0, freezes: 0 })
  const [{ signOuts, thieves }] = await Promise.race([
    Promise.all([
      playDramas(plan, { stores, sleeping, surroundings }),
      pause(plan.milliseconds / 2).then(() => plan.store && strike(plan.store, recorder)),
      plan.freezeMilliseconds && standStill(fleet, plan.freezeMilliseconds),
      pause(plan.milliseconds),
    ]),
    // A client or a node whose work cannot go on ends the run.
    Promise.all([holding, disturbing]).then(() => Promise.reject(new Error('the clients ended by themselves'))),
  ])
  stop.abort()
  const disturbances = await disturbing
  await holding

  const calmFrom = recorder.now()
  const owner = { name: 'owner', stores: sleeping === undefined ? [] : [sleeping] }
  await Promise.all([...holders, owner].map((holder) => holdOn(holder, surroundings)))
  const history = recorder.history(calmFrom, windowMilliseconds)
  return { history, counts: { ...count(history), ...disturbances, signOuts, thieves } }
}

/** Some sessions are signed out, some are robbed; of the latter the thief comes late, or first. */
async function playDramas(
  { milliseconds, patientThieves, windowMilliseconds }: ChaosPlan,
  {
    stores,
    sleeping,
    surroundings,
  }: {
    readonly stores: readonly SharedStore[]
    readonly sleeping: SharedStore | undefined
    readonly surroundings: Surroundings
  },
): Promise<{ readonly signOuts: number; readonly thieves: number }> {
  const fast = stores.filter(({ pace }) => pace === 'in step')
  const slow = stores.filter(({ pace }) => pace === 'in windows')
  const leaving = [fast[0], slow[0], fast[1], slow[1]].filter((store) => store !== undefined)
  const forgotten = fast.slice(2, 5)
  const late = patientThieves ? slow.slice(2, 5) : []
  const first = sleeping === undefined ? [] : [sleeping]
  const somewhen = (most: number) => pause(randomInt(0, Math.ceil(most)))
  await Promise.all([
    ...leaving.map((store) => somewhen(milliseconds).then(() => signOut(store, surroundings))),
    ...forgotten.map((store) => somewhen(milliseconds / 2).then(() => stealAndForget(store, surroundings))),
    ...late.map((store) =>
      somewhen(milliseconds / 4).then(() => stealAndWait(store, surroundings, windowMilliseconds)),
    ),
    ...first.map((store) => stealAndGoFirst(store, surroundings, windowMilliseconds)),
  ])
  return { signOuts: leaving.length, thieves: forgotten.length + late.length + first.length }
}

/** Clients go on sending to it, and give each request up after ten seconds. */
async function standStill({ nodes }: Fleet, milliseconds: number): Promise<void> {
  nodes[0]?.process().signal('SIGSTOP')
  await pause(milliseconds)
  nodes[0]?.process().signal('SIGCONT')
}

/** The store is away until a client has been told so. */
async function strike({ crash, start }: NonNullable<ChaosPlan['store']>, { now, exchanges }: Recorder): Promise<void> {
  await crash()
  const since = now()
  while (!exchanges.some((exchange) => exchange.start > since && statusOf(exchange) === 503)) await pause(10)
  await start()
}

/**
 * Kills one node after the other, at any point of its work, and starts it again; now and then two at once. In between one
 * stands still, with requests that it has read and not written yet, while the others go on.
 */
async function disturb(
  { nodes }: Fleet,
  stop: AbortSignal,
): Promise<{ readonly kills: number; readonly freezes: number }> {
  const count = { kills: 0, freezes: 0 }
  while (!stop.aborted) {
    const first = randomInt(nodes.length)
    const together = nodes.filter((_, index) => index === first || (index === (first + 1) % 3 && randomInt(4) === 0))
    await Promise.all(together.map((node) => node.kill()))
    count.kills += together.length
    await Promise.all(together.map((node) => node.start()))
    const frozen = nodes[randomInt(nodes.length)]?.process()
    frozen?.signal('SIGSTOP')
    await rest(randomInt(300, 1500), stop)
    frozen?.signal('SIGCONT')
    count.freezes += 1
    await rest(randomInt(0, 500), stop)
  }
  return count
}

async function rest(milliseconds: number, stop: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal: stop }).catch(() => undefined)
}

function count(history: History): Omit<ChaosReport['counts'], 'kills' | 'freezes' | 'signOuts' | 'thieves'> {
  const { exchanges } = history
  const given = sessionsOf(history).flatMap(({ refreshes }) => [
    ...Map.groupBy(
      refreshes.flatMap(({ came }) => (came.kind === 'answer' && came.token !== undefined ? [came.token] : [])),
      generationOf,
    ).values(),
  ])
  return {
    requests: exchanges.length,
    answers: exchanges.filter((exchange) => statusOf(exchange) === 200).length,
    unavailable: exchanges.filter((exchange) => statusOf(exchange) === 503).length,
    unanswered: exchanges.filter((exchange) => statusOf(exchange) === undefined).length,
    successors: given.length,
    shared: given.filter(({ length }) => length > 1).length,
  }
}

/** That every promise was kept, that the run was worth something, and that the server itself found nothing odd either. */
export function expectKept({ history, counts }: ChaosReport, log: string): void {
  expect(judgeHistory(history).slice(0, 20)).toEqual([])
  // Said by the server of requests that no client of ours has sent, and of writes that the store has lost.
  expect(log).not.toMatch(/"type":"(session_rolled_forward|session_superseded_use|session_stranger|attempt_id_reused)"/)
  const robbed = robbedSessions(history)
  expect([...replayedSessions(log)].filter((session) => !robbed.has(session))).toEqual([])
  expect(counts.successors).toBeGreaterThan(100)
  expect(counts.shared).toBeGreaterThan(20)
  process.stderr.write(`${JSON.stringify(counts)}\n`)
}

/** The sessions of which the log tells that they ended by theft. */
export function replayedSessions(log: string): ReadonlySet<string> {
  const told = log.matchAll(/"type":"session_replayed"[^\n]*?"sessionId":"([^"]+)"/g)
  return new Set([...told].map(([, session = 'without a session']) => session))
}

/** The sessions of which a thief has presented a token. */
export function robbedSessions({ exchanges }: History): ReadonlySet<string> {
  return new Set(exchanges.filter(({ part }) => part === 'thief').map(({ session }) => session))
}
