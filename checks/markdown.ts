/** A fenced code block of a Markdown text. */
export interface CodeBlock {
  /** Line of the opening fence, counted from 1. */
  readonly line: number
  /** Words of the info string: the language first. */
  readonly info: readonly string[]
  readonly text: string
}

/** The fenced code blocks of a Markdown text, in order (CommonMark section 4.5, indentation left as it is). */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { line: number; fence: string; info: string[]; lines: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line)
    if (open === undefined) {
      if (fence?.[1] !== undefined)
        open = {
          line: index + 1,
          fence: fence[1],
          info: (fence[2] ?? '').trim().split(/\s+/).filter(Boolean),
          lines: [],
        }
    } else if (fence?.[1]?.startsWith(open.fence) && fence[2]?.trim() === '') {
      blocks.push({ line: open.line, info: open.info, text: open.lines.join('\n') })
      open = undefined
    } else open.lines.push(line)
  }
  if (open !== undefined) throw new Error(`the code block that opens on line ${open.line} is never closed`)
  return blocks
}

/** A table of a Markdown text: its header cells and its rows. */
export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The tables of a Markdown text, outside of code blocks. A pipe inside a cell is written `\|`. */
export function tables(markdown: string): Table[] {
  const found: Table[] = []
  let lines: string[] = []
  let fenced = false
  for (const line of [...markdown.split('\n'), '']) {
    if (/^ {0,3}(```|~~~)/.test(line)) fenced = !fenced
    if (!fenced && line.startsWith('|')) lines.push(line)
    else {
      const [header, divider, ...rows] = lines.map(cells)
      if (header !== undefined && divider?.every((cell) => /^:?-+:?$/.test(cell))) found.push({ header, rows })
      lines = []
    }
  }
  return found
}

function cells(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** The code spans of a table cell. */
export function codeSpans(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
}
