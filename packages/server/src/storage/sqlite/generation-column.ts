import { bytes, type Row } from '../stored-columns.ts'

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
