import { type Choices, listedChoices, seededChoices } from './choices.ts'
import type { Heart } from './heart.ts'
import { runHonestSchedule, type ScheduleOptions } from './honest-schedule.ts'
import { describeFailure, shrink } from './shrink.ts'
import type { SimulatedEngine } from './simulated-store.ts'
import { runThiefSchedule } from './thief-schedule.ts'

/** A range of seeds, each of which is one schedule. */
export interface SeedRange {
  readonly first: number
  readonly count: number
}

/** Runs honest schedules for a range of seeds; the first failure as people read it, or undefined. */
export async function honestSeeds(
  heart: Heart,
  { first, count }: SeedRange,
  { on, ...options }: Pick<ScheduleOptions, 'clientFault'> & { readonly on?: SimulatedEngine | undefined } = {},
): Promise<string | undefined> {
  let runs = 0
  const run = (choices: Choices) => {
    runs += 1
    return runHonestSchedule({ heart, choices, openStore: on?.openStore, seed: `run ${first} ${runs}`, ...options })
  }
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await run(seededChoices(seed))
    if (result.violation === undefined) continue
    const shortest = await shrink(result, (list) => run(listedChoices(list)))
    const engine = on === undefined ? '' : ` --engine ${on.name}`
    return describeFailure(shortest, `--kind honest${engine} --schedules 1 --seed ${seed}`)
  }
  return undefined
}

/** The same for schedules with a thief. */
export async function thiefSeeds(heart: Heart, { first, count }: SeedRange): Promise<string | undefined> {
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await runThiefSchedule({ heart, choices: seededChoices(seed) })
    if (result.violation === undefined) continue
    const shortest = await shrink(result, (list) => runThiefSchedule({ heart, choices: listedChoices(list) }))
    return describeFailure(shortest, `--kind thief --schedules 1 --seed ${seed}`)
  }
  return undefined
}
