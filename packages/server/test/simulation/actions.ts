import type { Alternative } from './choices.ts'
import { writeFaults } from './faulty-store.ts'
import type { Holders } from './holders.ts'
import { duration } from './journal.ts'
import { windows } from './oracle.ts'
import { clientId, type SimulatedRequest } from './request.ts'
import { deadline } from './store-rules.ts'
import type { Tasks } from './tasks.ts'
import type { World } from './world.ts'

/** Something that may happen next. */
export interface Action extends Alternative {
  readonly run: () => Promise<void> | void
}

/** Who takes part in an honest schedule. */
export interface Cast {
  readonly sim: World
  readonly holders: Holders
  readonly tasks: Tasks
}

const mostRotationsPerWindow = 8

/** Whatever waits for its turn goes on. */
export function goOn({ choices, scheduler }: World, isSlow: (actor: string) => boolean): readonly Action[] {
  return scheduler.parked().map((task) => ({
    name: `${task.actor} goes on`,
    weight: isSlow(task.actor) ? 1 : 16,
    run: async () => {
      const outcome = task.outcomes[choices.pick(task.outcomes)]?.name ?? 'ok'
      if (outcome !== writeFaults.together) return scheduler.step([task], outcome)
      await scheduler.step(
        scheduler.parked().filter(({ stage }) => stage === 'writes'),
        'ok',
      )
    },
  }))
}

/** Tabs refresh, as many at once as an honest holder may, and crash. */
export function holdersAct({ sim, holders, tasks }: Cast, mayStart: boolean): readonly Action[] {
  const list: Action[] = []
  const window = Math.max(windows[sim.policy], 30_000)
  const recent = sim.truth.rotations.filter(({ at }) => at > sim.time.now - window).length
  const room = recent + holders.flights().length < mostRotationsPerWindow
  for (const tab of holders.tabs()) {
    const idle = !tasks.isRunning(tab)
    if (idle && room && mayStart && holders.store.signedOut() === undefined) {
      const start = (kind: SimulatedRequest['kind']) => () => tasks.start(tab, () => holders.ask(tab, kind))
      list.push({ name: `${tab} refreshes`, weight: 6, run: start('refresh') })
      list.push({ name: `${tab} peeks`, weight: 0.6, run: start('peek') })
    }
    if (holders.mayCrash(tab)) list.push({ name: `${tab} crashes`, weight: 0.3, run: () => holders.crash(tab) })
  }
  return list
}

/** Time goes by, and the store's clock is set. A request is decided within ten seconds of being sent, or not at all. */
export function timePasses({ sim, holders }: Cast): readonly Action[] {
  const { time, journal, policy } = sim
  const pass = (milliseconds: number, weight: number): Action => ({
    name: `${duration(milliseconds)} pass`,
    weight,
    run: () => {
      time.now += milliseconds
      time.elapsed += milliseconds
      journal.note('the clock', `moves on by ${duration(milliseconds)}`)
    },
  })
  const set = (milliseconds: number, weight: number): Action => ({
    name: `the clock is set by ${milliseconds}`,
    weight,
    run: () => {
      time.now += milliseconds
      const way = milliseconds < 0 ? 'back' : 'ahead'
      journal.note("the store's clock", `is set ${way} by ${duration(Math.abs(milliseconds))}`)
    },
  })
  const oldest = holders.oldestFlight()
  const left = oldest === undefined ? Number.POSITIVE_INFINITY : oldest + deadline - time.elapsed
  const short = [1, 8, 900, 4_000].filter((milliseconds) => milliseconds < left)
  const list = [...short.map((milliseconds) => pass(milliseconds, 0.5)), set(-20_000, 0.2)]
  if (oldest === undefined) {
    // While a request is under way a clock set ahead would be time beyond its ten seconds.
    list.push(set(20_000, 0.2), pass(30_000, 1), pass(31_000, 1), pass(86_400_000, 0.5), pass(31 * 86_400_000, 0.05))
    if (windows[policy] > 30_000) list.push(pass(windows[policy], 1))
  } else if (!holders.store.isBehind() && holders.flights().every((actor) => isUndecided(sim, actor))) {
    // A jar that was turned back must heal within the window: what it presents is not the newest.
    list.push(pass(31_000, 1))
  }
  return list
}

/** It has arrived and not been read for: at its next read it is answered 503 if ten seconds have gone by. */
function isUndecided({ scheduler }: World, actor: string): boolean {
  return scheduler.parked().some((task) => task.actor === actor && task.stage === 'reads')
}

/** Nodes crash and come back, and get new keys one after the other. */
export function nodesChange(sim: World): readonly Action[] {
  const { nodes, journal, time } = sim
  const list: Action[] = []
  for (const node of nodes.all) {
    const { name } = node
    const others = nodes.all.some((other) => other !== node && other.alive)
    if (node.alive && others) list.push({ name: `${name} crashes`, weight: 0.4, run: () => sim.crash(node) })
    if (!node.alive) {
      const run = () => {
        journal.note(name, 'is back')
        nodes.restart(node)
      }
      list.push({ name: `${name} comes back`, weight: 3, run })
    }
    if (nodes.isBehind(node)) {
      const run = () => {
        journal.note(name, 'loads the newest keys')
        nodes.loadKeys(node)
      }
      list.push({ name: `${name} loads keys`, weight: 1, run })
    }
  }
  if (nodes.keyCount() < 3) {
    const run = () => {
      journal.note('the operators', 'add a refresh key that is active in 60 seconds')
      nodes.addKey(time.now + 60_000)
    }
    list.push({ name: 'a key is added', weight: 0.3, run })
  }
  return list
}

/** The store loses its last writes, once. */
export function storeFails(sim: World): readonly Action[] {
  if (!sim.canRollBack()) return []
  const list: Action[] = [{ name: 'the store is backed up', weight: 0.3, run: sim.takeSnapshot }]
  if (sim.hasSnapshot()) list.push({ name: 'the store goes back', weight: 0.5, run: sim.rollBack })
  return list
}

/** The session is ended for a reason that is nobody's fault. */
export function operatorsEnd({ sim, holders, tasks }: Cast, weight: number): readonly Action[] {
  if (sim.truth.ended !== undefined) return []
  return (['revoked_by_admin', 'logout'] as const)
    .filter((reason) => !tasks.isRunning(reason))
    .map((reason) => ({
      name: reason,
      weight,
      run: () => tasks.start(reason, () => sim.end(holders.store.token(), reason)),
    }))
}

/** A forged secret, or another client's request: the row must not change by a single bit. */
export function strangersTry({ sim, holders, tasks }: Cast, forge: (token: string) => string): readonly Action[] {
  const request = (actor: string): SimulatedRequest => ({
    kind: 'refresh',
    actor,
    token: holders.store.token(),
    attempt: undefined,
    clientId,
    device: { address: actor, userAgent: null },
  })
  const attempts: readonly SimulatedRequest[] = [
    { ...request('a forger'), token: forge(holders.store.token()), stranger: 'forged' },
    { ...request('another client'), clientId: 'other', stranger: 'other client' },
  ]
  return attempts
    .filter(({ actor }) => !tasks.isRunning(actor))
    .map((attempt) => ({
      name: `${attempt.actor} tries`,
      weight: 0.12,
      run: () => tasks.start(attempt.actor, () => sim.send(attempt)),
    }))
}
