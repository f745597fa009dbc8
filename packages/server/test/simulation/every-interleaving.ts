import type { Alternative, Choices } from './choices.ts'
import type { Heart } from './heart.ts'
import type { ScheduleResult } from './honest-schedule.ts'
import { runSmallSchedule } from './small-schedule.ts'

/**
 * All interleavings of two holders on two nodes with a revocation and a crash at any point or never: depth first over the
 * lists of choices.
 *
 * @returns how many runs and different states there were, and the first run that broke a rule
 */
export async function everyInterleaving(
  heart: Heart,
): Promise<{ readonly runs: number; readonly states: number; readonly failing: ScheduleResult | undefined }> {
  const known = new Set<string>()
  let runs = 0
  for (let given: readonly number[] | undefined = []; given !== undefined; runs += 1) {
    const { choices, made, widths } = countedChoices(given)
    const decided = given.length
    const result = await runSmallSchedule(heart, choices, (state) => {
      // Within the given list the way is already decided; beyond it a state seen before leads nowhere new.
      if (made.length < decided) return false
      if (known.has(state)) return true
      known.add(state)
      return false
    })
    if (result.violation !== undefined) return { runs, states: known.size, failing: result }
    given = nextList(made, widths)
  }
  return { runs, states: known.size, failing: undefined }
}

/** Choices by number from a list, and the first of each once the list is at its end. */
function countedChoices(given: readonly number[]): {
  readonly choices: Choices
  readonly made: readonly number[]
  readonly widths: readonly number[]
} {
  const made: number[] = []
  const widths: number[] = []
  const taken: string[] = []
  const choose = (alternatives: readonly Alternative[]) => {
    const index = given[made.length] ?? 0
    made.push(index)
    widths.push(alternatives.length)
    taken.push(alternatives[index]?.name ?? '')
    return index
  }
  return { choices: { next: choose, pick: choose, taken }, made, widths }
}

/** The next list in the order of counting: the last choice that can grow grows, and what follows it starts anew. */
function nextList(made: readonly number[], widths: readonly number[]): readonly number[] | undefined {
  const grows = made.findLastIndex((choice, index) => choice + 1 < (widths[index] ?? 1))
  return grows < 0 ? undefined : [...made.slice(0, grows), (made[grows] ?? 0) + 1]
}
