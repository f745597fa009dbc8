/** Where there is no Node, nothing answers at once. */
export function checkAtOnce(): undefined {
  return undefined
}
