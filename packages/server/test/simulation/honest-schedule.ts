import {
  type Action,
  type Cast,
  goOn,
  holdersAct,
  nodesChange,
  operatorsEnd,
  storeFails,
  strangersTry,
  timePasses,
} from './actions.ts'
import { type Choices, equally } from './choices.ts'
import type { ClientFault } from './client-store.ts'
import type { Heart } from './heart.ts'
import { createHolders, type HolderOptions } from './holders.ts'
import { type SimulatedPolicy, windows } from './oracle.ts'
import type { StoreOpener } from './simulated-store.ts'
import { createTasks } from './tasks.ts'
import { Violation } from './truth.ts'
import { createWorld, type World } from './world.ts'

/** How one run is set up. */
export interface ScheduleOptions {
  readonly heart: Heart
  readonly choices: Choices
  /** Default: the engine in memory. */
  readonly openStore?: StoreOpener | undefined
  /** Tells the runs on one store apart. */
  readonly seed?: string
  /** Planted mistake of the client. */
  readonly clientFault?: ClientFault | undefined
}

/** What a run came to. */
export interface ScheduleResult {
  /** The rule that was broken, if one was. */
  readonly violation: string | undefined
  readonly story: readonly string[]
  readonly choices: readonly string[]
}

interface Setting extends HolderOptions {
  readonly policy: SimulatedPolicy
  readonly nodes: number
}

const steps = 60

/** Honest holders only, and everything that may go wrong around them: nobody may be convicted, nobody locked out. */
export async function runHonestSchedule(options: ScheduleOptions): Promise<ScheduleResult> {
  const { heart, choices, openStore, seed = 'simulation' } = options
  const { policy, nodes, ...holding } = chooseSetting(choices)
  const sim = createWorld({
    heart,
    choices,
    openStore,
    seed,
    policy,
    nodes,
    faults: true,
    // A stock client has the window only: what it loses beyond that looks like theft and is held against nobody.
    convictable: !holding.attempts,
  })
  sim.journal.note('setting:', describeSetting({ policy, nodes, ...holding }))
  const violation = await violationOf(() => play(sim, { ...holding, fault: options.clientFault }, heart))
  return { violation, story: sim.journal.lines(), choices: choices.taken }
}

/** Runs until the end, or until a rule is broken. */
export async function violationOf(run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await run()
    return undefined
  } catch (error) {
    if (error instanceof Violation) return error.message
    throw error
  }
}

function chooseSetting(choices: Choices): Setting {
  const policies = [
    { name: 'rotating', weight: 10 },
    { name: 'strict', weight: 4 },
    { name: 'shared-store', weight: 2 },
    { name: 'bound', weight: 2 },
  ] as const
  const policy = policies[choices.pick(policies)]?.name ?? 'rotating'
  const tabs = [2, 1, 3, 4][choices.pick(equally('2 tabs', '1 tab', '3 tabs', '4 tabs'))] ?? 2
  const nodes = [2, 1, 3][choices.pick(equally('2 nodes', '1 node', '3 nodes'))] ?? 2
  // Cookies are delivered to the first-party client only, whose policy is rotating; so is the stock client's.
  const kinds = [
    { name: 'own client', weight: 6 },
    { name: 'cookie jar', weight: 3 },
    { name: 'stock client', weight: 1 },
  ]
  const kind = policy === 'rotating' ? kinds[choices.pick(kinds)]?.name : undefined
  return { policy, tabs, nodes, jar: kind === 'cookie jar', attempts: kind !== 'stock client' }
}

function describeSetting({ policy, tabs, nodes, jar, attempts }: Setting): string {
  const store = jar ? 'one cookie jar' : 'one store'
  return `policy ${policy}, ${nodes} nodes, ${tabs} tabs on ${store}${attempts ? '' : ', a client without attempt ids'}`
}

async function play(sim: World, holding: HolderOptions, heart: Heart): Promise<void> {
  const tasks = createTasks()
  const holders = createHolders(sim, tasks, await sim.signIn(), holding)
  const cast = { sim, holders, tasks }
  const forge = (token: string) => {
    const genuine = heart.tokens.parseRefreshToken(token)
    return genuine ? heart.tokens.formatRefreshToken({ ...genuine, secret: new Uint8Array(32) }) : token
  }
  for (let left = steps; left > 0; left -= 1) {
    const actions: readonly Action[] = [
      ...goOn(sim, holders.isSlow),
      ...holdersAct(cast, left > 1),
      ...timePasses(cast),
      ...nodesChange(sim),
      ...storeFails(sim),
      ...operatorsEnd(cast, 0.12),
      ...strangersTry(cast, forge),
    ]
    const next = sim.choices.next(actions)
    if (next === undefined) break
    await actions[next]?.run()
    await settle(cast)
  }
  await recover(cast, holding)
}

/** Lets run what runs, then looks at everything. */
export async function settle({ sim, tasks }: Pick<Cast, 'sim' | 'tasks'>): Promise<void> {
  await sim.scheduler.settle()
  sim.checkRules()
  tasks.throwFailure()
}

/** Faults stop, and what is under way comes to its end. */
export async function finish(cast: Pick<Cast, 'sim' | 'tasks'>): Promise<void> {
  const { sim } = cast
  sim.state.faults = false
  for (const node of sim.nodes.all) {
    if (!node.alive) sim.nodes.restart(node)
    sim.nodes.loadKeys(node)
  }
  await settle(cast)
  for (let turns = 0; sim.scheduler.parked().length > 0; turns += 1) {
    sim.judge.require(turns < 10_000, 'progress: no end')
    await sim.scheduler.step(sim.scheduler.parked().slice(0, 1), 'ok')
    await settle(cast)
  }
}

/** Once faults stop, each holder that was not rightly signed out is answered in two tries, the window long over. */
async function recover(cast: Cast, holding: HolderOptions): Promise<void> {
  const { sim, holders, tasks } = cast
  await finish(cast)
  const later = Math.max(windows[sim.policy], 30_000) + 1
  sim.time.now += later
  sim.time.elapsed += later
  sim.journal.note('faults', 'stop, and the window goes by')
  const isOver = () => sim.truth.ended !== undefined || holders.store.signedOut() !== undefined || !holding.attempts
  for (const tab of holders.tabs()) {
    let answered = false
    for (let tries = 0; tries < 2 && !answered && !isOver(); tries += 1) {
      tasks.start(tab, async () => {
        answered = await holders.ask(tab, 'refresh')
      })
      await finish(cast)
    }
    sim.judge.require(answered || isOver(), `honest liveness: ${tab} got no answer in two tries`)
  }
}
