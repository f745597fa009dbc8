import { createHash } from 'node:crypto'
import type { Random } from '../../src/secrets/random.ts'

/** Bytes that look random and are the same in every run. */
export function seededRandom(seed = 'seed'): Random {
  let drawn = 0
  return (bytes) => {
    const blocks: Uint8Array[] = []
    for (let length = 0; length < bytes; length += 32) {
      drawn += 1
      blocks.push(createHash('sha256').update(`${seed} ${drawn}`).digest())
    }
    return new Uint8Array(Buffer.concat(blocks).subarray(0, bytes))
  }
}
