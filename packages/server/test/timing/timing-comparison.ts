/** Durations of two kinds of work, in nanoseconds, and how sure it is that they differ. */
export interface Comparison {
  readonly medians: readonly [number, number]
  /** Of the Mann–Whitney test: how many standard deviations the ranks are away from those of equal durations. */
  readonly score: number
}

/**
 * From here on two kinds of work count as told apart: about one in 150,000 comparisons of equal ones gets there. Ranks
 * do not care how far out a few samples lie, and taking both kinds in turns lets noise of the machine meet both alike.
 */
export const toldApart = 4.5

/**
 * Times two kinds of work in turns, in random order within each pair.
 *
 * @param prepare runs before each sample, outside of the time taken
 */
export async function compareTimes(
  kinds: readonly [() => unknown, () => unknown],
  options: { readonly samples: number; readonly prepare?: (kind: 0 | 1) => unknown },
): Promise<Comparison> {
  const durations: [number[], number[]] = [[], []]
  const sample = async (kind: 0 | 1, kept: boolean): Promise<void> => {
    await options.prepare?.(kind)
    const begun = process.hrtime.bigint()
    await kinds[kind]()
    const took = Number(process.hrtime.bigint() - begun)
    if (kept) durations[kind].push(took)
  }
  // The first tenth only warms up.
  for (let pair = -options.samples / 10; pair < options.samples; pair += 1) {
    const first = Math.random() < 0.5 ? 0 : 1
    await sample(first, pair >= 0)
    await sample(first === 0 ? 1 : 0, pair >= 0)
  }
  return { medians: [median(durations[0]), median(durations[1])], score: mannWhitney(durations[0], durations[1]) }
}

/**
 * {@link compareTimes}, up to three times: equal work may look unequal while something else on the machine changes pace,
 * but not three times in a row. Unequal work looks unequal every time.
 *
 * @returns the comparison in which the two were hardest to tell apart
 */
export async function closestOfThree(compare: () => Promise<Comparison>): Promise<Comparison> {
  let closest = await compare()
  for (let round = 1; round < 3 && closest.score >= toldApart; round += 1) {
    const again = await compare()
    if (again.score < closest.score) closest = again
  }
  return closest
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** The absolute z-score of the Mann–Whitney U test, ties sharing their mean rank. */
export function mannWhitney(one: readonly number[], two: readonly number[]): number {
  const all = [...one.map((value) => ({ value, first: true })), ...two.map((value) => ({ value, first: false }))]
  all.sort((left, right) => left.value - right.value)
  let rankSum = 0
  let ties = 0
  for (let start = 0; start < all.length; ) {
    let end = start
    while (end < all.length && all[end]?.value === all[start]?.value) end += 1
    const size = end - start
    ties += size ** 3 - size
    rankSum += ((start + 1 + end) / 2) * all.slice(start, end).filter(({ first }) => first).length
    start = end
  }
  const [m, n, total] = [one.length, two.length, all.length]
  const u = rankSum - (m * (m + 1)) / 2
  const variance = ((m * n) / 12) * (total + 1 - ties / (total * (total - 1)))
  return variance === 0 ? 0 : Math.abs(u - (m * n) / 2) / Math.sqrt(variance)
}
