import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { familyOf } from '../../conformance/postgres/process-family.ts'
import { measureWalk } from '../load/measured-walk.ts'
import { pawlForms } from '../load/pawl-forms.ts'
import { median } from '../measuring/median.ts'
import { pin } from '../measuring/pinning.ts'
import { figure } from '../measuring/table.ts'
import { startPawl } from './candidates.ts'

/** What a second core brings, the clients' share of it included; and how even answers are at half of the most. */
export async function measureTwoCores(
  resources: AsyncDisposableStack,
  given: { readonly rounds: number; readonly milliseconds: number; readonly sessions: number },
): Promise<{ readonly text: string; readonly twoCoresVsOne: number; readonly p99OverP50: number }> {
  const { rounds, milliseconds, sessions } = given
  // Not what this process may use: that is one core by now, and whatever it starts would inherit it.
  const cores = cpus().length
  spread(process.pid, cores)
  const one = await startPawl(resources, sessions, {})
  const two = await startPawl(resources, sessions, { workers: cores })
  pin(one.pid, 0)
  const walk = { form: pawlForms.oauth, sessions, milliseconds }
  const [alone, together]: [number[], number[]] = [[], []]
  for (let round = -1; round < rounds; round += 1) {
    pin(process.pid, 1)
    const ofOne = await measureWalk(one.chains, one.pid, walk)
    // The clients take what the servers leave them.
    spread(process.pid, cores)
    const ofTwo = await measureWalk(two.chains, two.pid, walk)
    if (round < 0) continue
    alone.push(ofOne.perSecond)
    together.push(ofTwo.perSecond)
  }
  pin(process.pid, 1)
  const perSecond = median(alone) / 2
  const half = await measureWalk(one.chains, one.pid, { ...walk, milliseconds: 2 * milliseconds, perSecond })
  const twoCoresVsOne = median(together.map((rate, round) => rate / (alone[round] ?? Number.NaN)))
  const text =
    `One core: ${figure(median(alone))}/s. ${cores} workers on ${cores} cores, clients among them: ` +
    `${figure(median(together))}/s.\nOne core at ${figure(half.perSecond)}/s: half within ${figure(half.median)} ms, ` +
    `99 % within ${figure(half.slowest)} ms.`
  return { text, twoCoresVsOne, p99OverP50: half.slowest / half.median }
}

/** Lets a process and its children run on every core. */
function spread(id: number, cores: number): void {
  for (const member of familyOf(id)) {
    spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', `0-${cores - 1}`, String(member)])
  }
}
