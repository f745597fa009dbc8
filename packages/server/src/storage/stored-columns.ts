/** A row as an engine's driver gives it; what stands in it is checked column by column, by the functions below. */
export type Row = Readonly<Record<string, unknown>>

function unexpected(column: string): Error {
  return new Error(`column ${column} does not hold what this release writes there`)
}

/** Reads a text column; all of these throw when the column holds something else. */
export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw unexpected(column)
  return value
}

/** {@link text}, or null. */
export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column)
}

/** Reads an integer up to 2^53 - 1. */
export function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw unexpected(column)
  return value
}

/** {@link integer}, or null. */
export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column)
}

/** Reads a yes or no. */
export function flag(row: Row, column: string): boolean {
  const value = row[column]
  if (typeof value !== 'boolean') throw unexpected(column)
  return value
}

/** Reads a column of bytes. */
export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw unexpected(column)
  return value
}

/** {@link bytes}, or null. */
export function bytesOrNull(row: Row, column: string): Uint8Array | null {
  return row[column] === null ? null : bytes(row, column)
}

/** Reads a column that holds one of a few words. */
export function oneOf<Word extends string>(row: Row, column: string, words: readonly Word[]): Word {
  const value = row[column]
  const word = words.find((candidate) => candidate === value)
  if (word === undefined) throw unexpected(column)
  return word
}

/** Reads a list of texts from JSON. */
export function textList(row: Row, column: string): readonly string[] {
  const list: unknown = JSON.parse(text(row, column))
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) throw unexpected(column)
  return list
}

/** A base64url id as bytes; undefined when it is not the one spelling of that many bytes. */
export function idBytes(id: string, length: number): Buffer | undefined {
  const decoded = Buffer.from(id, 'base64url')
  return decoded.length === length && decoded.toString('base64url') === id ? decoded : undefined
}

/** {@link idBytes} for an id that is about to be written. Throws TypeError when it is none. */
export function writtenIdBytes(id: string, length: number): Buffer {
  const decoded = idBytes(id, length)
  if (decoded === undefined) throw new TypeError(`an id is not ${length} bytes of base64url`)
  return decoded
}

/** Reads an id column as base64url. */
export function id(row: Row, column: string): string {
  const value = bytes(row, column)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64url')
}

/**
 * Whether every engine can give a text back as it is: PostgreSQL has no NUL in texts, and no engine stores half a
 * surrogate pair. Nothing is found under a text that holds either.
 */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/**
 * Refuses a text that is not {@link isStorable}. Callers validate what people type long before; this keeps two names from
 * becoming one.
 *
 * @throws TypeError when the text holds NUL or half a surrogate pair
 */
export function storableText(text: string): string {
  if (!isStorable(text)) throw new TypeError('text holds NUL or half a surrogate pair')
  return text
}
