/** Does something for each item, so many at a time: when one is done, the next begins. */
export async function inFlight<Item>(
  items: Iterable<Item>,
  atATime: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // One iterator that all lines draw from.
  const left = items[Symbol.iterator]()
  const line = async () => {
    for (let next = left.next(); next.done !== true; next = left.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: atATime }, line))
}

/** Whole numbers from 0. */
export function* upTo(count: number): Generator<number> {
  for (let number = 0; number < count; number += 1) yield number
}
