/** Fewest insertions, deletions and replacements of single characters that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [line, character] of [...from].entries()) {
    const next = [line + 1]
    for (const [column, other] of [...to].entries()) {
      const replaced = (row[column] ?? 0) + (character === other ? 0 : 1)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

/** The known name that a mistyped one resembles most; the first of equals. */
export function nearestName(typed: string, known: readonly string[]): string {
  let nearest = known[0] ?? ''
  for (const name of known) {
    if (
      editDistance(typed.toLowerCase(), name.toLowerCase()) < editDistance(typed.toLowerCase(), nearest.toLowerCase())
    )
      nearest = name
  }
  return nearest
}
