import { Option } from 'commander'
import type { Terminal } from './terminal.ts'

/** What a command has to say. Refusals are values; anything thrown is a failure of the surroundings. */
export type Outcome =
  | {
      readonly ok: true
      /** For people. */
      readonly text: readonly string[]
      /** For programs: one JSON document, snake_case, instants in RFC 3339. */
      readonly json: unknown
    }
  | {
      readonly ok: false
      /** One line: what was refused, and what to do about it. */
      readonly message: string
    }

/** Options that every command has. */
export interface OutputOptions {
  readonly json?: true
}

/** `--json`, as every command has it. */
export function jsonOption(): Option {
  return new Option('--json', 'print one JSON document instead of text')
}

/** Prints an outcome; returns the exit status. */
export function report(outcome: Outcome, options: OutputOptions, terminal: Terminal): 0 | 1 {
  if (!outcome.ok) {
    terminal.complain(`pawl: ${onOneLine(outcome.message)}`)
    return 1
  }
  if (options.json) terminal.print(JSON.stringify(outcome.json))
  else for (const line of outcome.text) terminal.print(line)
  return 0
}

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

/** An instant of the store for people and programs alike. */
export function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** An instant that may be missing. */
export function instantOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : instant(milliseconds)
}

/** Lays rows out in columns under a heading; `none` stands for an empty table. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
): readonly string[] {
  if (rows.length === 0) return [none]
  const lines = [heading, ...rows].map((row) => row.map(printable))
  const widths = heading.map((_, column) => Math.max(...lines.map((row) => row[column]?.length ?? 0)))
  return lines.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Names and user agents come from outside: whatever could steer a terminal or turn a line around becomes `?`. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

/** A message as one line, whatever it was made of. */
export function onOneLine(text: string): string {
  return printable(text.replaceAll(/\s*[\r\n]+\s*/g, ' '))
}
