/** One way in which a schedule may go on. Its name says what happens, and is told from the others beside it. */
export interface Alternative {
  readonly name: string
  /** How often chance takes it, compared with the others. */
  readonly weight: number
}

/** Where a schedule's decisions come from. All of them go through here, so a schedule is its list of choices. */
export interface Choices {
  /** What happens next, as an index; undefined: nothing more. */
  readonly next: (alternatives: readonly Alternative[]) => number | undefined
  /** How something turns out, as an index. The first alternative is the plainest. */
  readonly pick: (alternatives: readonly Alternative[]) => number
  /** Names of what was chosen. The plainest outcomes are left out, for a list without them says the same. */
  readonly taken: readonly string[]
}

/** Alternatives that are equally likely. */
export function equally(...names: readonly string[]): readonly Alternative[] {
  return names.map((name) => ({ name, weight: 1 }))
}

function recording(choose: {
  readonly next: (alternatives: readonly Alternative[]) => number | undefined
  readonly pick: (alternatives: readonly Alternative[]) => number
}): Choices {
  const taken: string[] = []
  return {
    next: (alternatives) => {
      const index = choose.next(alternatives)
      const name = index === undefined ? undefined : alternatives[index]?.name
      if (name !== undefined) taken.push(name)
      return index
    },
    pick: (alternatives) => {
      const index = choose.pick(alternatives)
      const name = alternatives[index]?.name
      if (index > 0 && name !== undefined) taken.push(name)
      return index
    },
    taken,
  }
}

/** Choices by chance, the same for the same seed (a 32-bit Weyl generator with a mixing step). */
export function seededChoices(seed: number): Choices {
  let state = seed >>> 0
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const draw = (alternatives: readonly Alternative[]) => {
    let left = fraction() * alternatives.reduce((sum, { weight }) => sum + weight, 0)
    const found = alternatives.findIndex(({ weight }) => {
      left -= weight
      return left < 0
    })
    return Math.max(0, found)
  }
  return recording({ next: draw, pick: draw })
}

/**
 * Choices from a list of names. A step that cannot happen (any more) is passed over, and an outcome that is not next in
 * the list is the plainest one: so any part of a schedule may be left out, and the rest still means what it says.
 */
export function listedChoices(list: readonly string[]): Choices {
  let place = 0
  return recording({
    next: (alternatives) => {
      while (place < list.length) {
        const index = alternatives.findIndex(({ name }) => name === list[place])
        place += 1
        if (index >= 0) return index
      }
      return undefined
    },
    pick: (alternatives) => {
      const index = alternatives.findIndex(({ name }, candidate) => candidate > 0 && name === list[place])
      if (index < 0) return 0
      place += 1
      return index
    },
  })
}
