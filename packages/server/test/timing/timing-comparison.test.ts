import { expect, test } from 'vitest'
import { mannWhitney, toldApart } from './timing-comparison.ts'

test('the score is that of the textbook: 0 for equals, the worked example, and large for what lies apart', () => {
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
  expect(mannWhitney(upTo(50), upTo(50))).toBe(0)
  expect(mannWhitney([1, 1, 1], [1, 1])).toBe(0)
  // Ranks 1, 2, 4 against 3, 5, 6, 7: U = 1, mean 6, variance 8.
  expect(mannWhitney([10, 20, 40], [30, 50, 60, 70])).toBeCloseTo(5 / Math.sqrt(8), 10)
  // Ranks 1.5, 3.5 against 1.5, 3.5, 5: U = 2, mean 3, variance 3 - (6 + 6) * 6 / (12 * 20).
  expect(mannWhitney([1, 2], [1, 2, 3])).toBeCloseTo(1 / Math.sqrt(2.7), 10)
  expect(
    mannWhitney(
      upTo(50),
      upTo(50).map((value) => value + 100),
    ),
  ).toBeGreaterThan(toldApart)
})
