import type { ScheduleResult } from './honest-schedule.ts'

/**
 * Looks for the shortest story that breaks the same rule: leaves choices out, the trailing ones first, then pieces from
 * the end to the beginning, halved down to single ones; does without a tab's life before a crash and without tabs that
 * have no part; and lets each actor do at one go what it did in two. The order is fixed, so a seed has one shortest story.
 *
 * @param budget how many runs it may cost
 */
export async function shrink<Result extends ScheduleResult>(
  failing: Result,
  rerun: (choices: readonly string[]) => Promise<Result>,
  budget = 3_000,
): Promise<Result> {
  let best = failing
  let left = budget

  async function isBetter(choices: readonly string[]): Promise<boolean> {
    if (left <= 0) return false
    left -= 1
    const result = await rerun(choices)
    if (ruleOf(result) !== ruleOf(failing) || !isShorter(result, best)) return false
    best = result
    return true
  }

  async function leaveOutTrailing(): Promise<void> {
    for (const size of halved(best.choices.length)) {
      while (best.choices.length > 0 && (await isBetter(best.choices.slice(0, -size))));
    }
  }

  async function leaveOut(size: number): Promise<void> {
    for (let end = best.choices.length; end > 0; ) {
      const start = Math.max(0, end - size)
      await isBetter(best.choices.toSpliced(start, end - start))
      end = Math.min(start, best.choices.length)
    }
  }

  /** A tab that came back after a crash is called by another name; perhaps it need not have lived before. */
  async function forgetEarlierLives(): Promise<void> {
    const lives = new Set(best.choices.map(actorOf).filter((actor) => actor.endsWith('+')))
    for (const life of lives) {
      const earlier = life.slice(0, -1)
      const others = best.choices.filter((choice) => actorOf(choice) !== earlier)
      await isBetter(others.map((choice) => choice.replace(life, earlier)))
    }
  }

  /** Calls the tabs that take part tab0, tab1 and so on, and does without the rest. */
  async function countTabs(): Promise<void> {
    const taking = new Set(best.choices.flatMap((choice) => choice.match(/tab\d/g) ?? []))
    const used = ['tab0', 'tab1', 'tab2', 'tab3'].filter((tab) => taking.has(tab))
    const others = best.choices.filter((choice) => !/^\d tabs?$/.test(choice))
    await isBetter(others.map((choice) => choice.replaceAll(/tab\d/g, (tab) => `tab${used.indexOf(tab)}`)))
  }

  /** Moves what an actor does, with the outcome it has, to where it acted last. */
  async function bringTogether(size: number): Promise<void> {
    for (let place = best.choices.length - 1; place > 0; place -= 1) {
      const actor = actorOf(best.choices[place] ?? '')
      const before = best.choices.findLastIndex((choice, index) => index < place && actorOf(choice) === actor)
      if (before < 0 || before === place - 1) continue
      const moved = best.choices.slice(place, place + size)
      await isBetter(best.choices.toSpliced(place, size).toSpliced(before + 1, 0, ...moved))
    }
  }

  await leaveOutTrailing()
  for (let before: Result | undefined; before !== best && left > 0; ) {
    before = best
    for (const size of halved(best.choices.length)) await leaveOut(size)
    await forgetEarlierLives()
    await countTabs()
    for (const size of [1, 2]) await bringTogether(size)
  }
  return best
}

function halved(length: number): readonly number[] {
  return Array.from({ length: Math.ceil(Math.log2(length + 1)) }, (_, halvings) =>
    Math.ceil(length / 2 ** (halvings + 1)),
  )
}

function actorOf(choice: string): string {
  return choice.split(' ')[0] ?? ''
}

/** The part of a broken rule that is the same wherever it breaks. */
function ruleOf({ violation }: ScheduleResult): string | undefined {
  return violation?.split(':')[0]
}

function isShorter(one: ScheduleResult, other: ScheduleResult): boolean {
  const lines = one.story.length - other.story.length
  return lines < 0 || (lines === 0 && one.choices.length < other.choices.length)
}

/** A failure as people read it. */
export function describeFailure(result: ScheduleResult, again: string): string {
  return [
    `broken rule: ${result.violation}`,
    `the shortest story found, ${result.story.length} lines; each is what one actor does undisturbed:`,
    ...result.story.map((line) => `  ${line}`),
    `the same again: npm run simulate -- ${again}`,
  ].join('\n')
}
