import { type Action, goOn } from './actions.ts'
import type { Choices } from './choices.ts'
import type { Heart } from './heart.ts'
import { createHolders } from './holders.ts'
import { finish, type ScheduleResult, settle, violationOf } from './honest-schedule.ts'
import { createTasks } from './tasks.ts'
import { createWorld, type World } from './world.ts'

/**
 * The smallest setting in which all can go wrong that comes of order alone: two holders on two nodes refresh once each, an
 * administrator ends the session, a node crashes; each at any point, or never.
 *
 * @param isKnown told each state before a choice; true if it knows already what follows
 */
export async function runSmallSchedule(
  heart: Heart,
  choices: Choices,
  isKnown: (state: string) => boolean,
): Promise<ScheduleResult> {
  const sim = createWorld({
    heart,
    choices,
    seed: 'small',
    policy: 'rotating',
    nodes: 2,
    faults: false,
    convictable: false,
  })
  const violation = await violationOf(() => play(sim, isKnown))
  return { violation, story: sim.journal.lines(), choices: choices.taken }
}

async function play(sim: World, isKnown: (state: string) => boolean): Promise<void> {
  const tasks = createTasks()
  const token = await sim.signIn()
  const holders = createHolders(sim, tasks, token, { tabs: 2, jar: false, attempts: true })
  const events: readonly Action[] = [
    ...holders.tabs().map((tab) => ({
      name: `${tab} refreshes`,
      weight: 1,
      run: () => tasks.start(tab, () => holders.ask(tab, 'refresh')),
    })),
    { name: 'revocation', weight: 1, run: () => tasks.start('admin', () => sim.end(token, 'revoked_by_admin')) },
    ...sim.nodes.all.slice(0, 1).map((node) => ({ name: 'crash', weight: 1, run: () => sim.crash(node) })),
  ]
  let left = events

  function stateText(): string {
    const waiting = sim.scheduler
      .parked()
      .map((task) => `${task.owner}/${task.actor}/${task.stage}/${task.state?.() ?? ''}`)
      .sort((one, other) => one.localeCompare(other))
    const names = [...tasks.names()].sort((one, other) => one.localeCompare(other))
    const row = sim.store.row()
    const alive = sim.nodes.all.map((node) => node.alive)
    return JSON.stringify([
      waiting,
      [row?.generation, row?.repeats, row?.revokedReason],
      sim.truth,
      holders.store.contents(),
      holders.flights(),
      left.map(({ name }) => name),
      names,
      alive,
    ])
  }

  for (;;) {
    // Before anybody has moved a revocation or a crash is as good as none, and whoever moves first is called tab0.
    const possible = left.length === events.length ? left.slice(0, 1) : left
    const actions = [...goOn(sim, holders.isSlow), ...possible]
    if (actions.length === 0 || isKnown(stateText())) break
    const next = sim.choices.next(actions)
    const action = next === undefined ? undefined : actions[next]
    if (action === undefined) break
    left = left.filter((event) => event !== action)
    await action.run()
    await settle({ sim, tasks })
  }
  await finish({ sim, tasks })
}
