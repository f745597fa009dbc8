/** A length of time; the members add up. */
export interface Duration {
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
  readonly milliseconds?: number
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/**
 * A length of time in milliseconds.
 *
 * @throws RangeError when it is negative or no number: time goes forward
 */
export function millisecondsOf({ days = 0, hours = 0, minutes = 0, seconds = 0, milliseconds = 0 }: Duration): number {
  const sum = days * day + hours * hour + minutes * minute + seconds * second + milliseconds
  if (!(sum >= 0 && sum < Number.POSITIVE_INFINITY)) throw new RangeError('a length of time cannot be negative')
  return Math.round(sum)
}
