import type { Row } from './database.ts'

function unexpected(column: string): Error {
  return new Error(`column ${column} does not hold what this release writes there`)
}

/** Reads a text column; all of these throw when the column holds something else. */
export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw unexpected(column)
  return value
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column)
}

/** Reads an integer up to 2^53 - 1; the driver itself refuses larger ones. */
export function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw unexpected(column)
  return value
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column)
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw unexpected(column)
  return value
}

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
export function textList(document: string, column: string): readonly string[] {
  const list: unknown = JSON.parse(document)
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) throw unexpected(column)
  return list
}

/** A base64url id as bytes; undefined when it is not the one spelling of that many bytes. */
export function idBytes(id: string, length: number): Buffer | undefined {
  const decoded = Buffer.from(id, 'base64url')
  return decoded.length === length && decoded.toString('base64url') === id ? decoded : undefined
}

/** {@link idBytes} for an id that is about to be written. */
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

/** A generation as 8 bytes, big-endian: of one width for all of them, and ordered as the numbers are. */
export function generationBytes(generation: number): Buffer {
  if (!Number.isSafeInteger(generation) || generation < 0) throw new RangeError('a generation is 0 to 2^53 - 1')
  const written = Buffer.alloc(8)
  written.writeUInt32BE(Math.floor(generation / 2 ** 32), 0)
  written.writeUInt32BE(generation % 2 ** 32, 4)
  return written
}

/** Reads what {@link generationBytes} wrote. */
export function generation(row: Row, column: string): number {
  const value = bytes(row, column)
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
}
