import { createHash } from 'node:crypto'
import type { Octets } from '@pawl/protocol'

/** Gives that many bytes. */
export type Random = (bytes: number) => Octets

const blockBytes = 32

/** Bytes that look random and come in the same order in every run with the same seed. */
export function seededRandom(seed: string): Random {
  let blocks = 0
  return (bytes) => {
    const drawn = new Uint8Array(bytes)
    for (let filled = 0; filled < bytes; filled += blockBytes) {
      const block = createHash('sha256').update(`${seed} ${blocks}`).digest()
      drawn.set(block.subarray(0, bytes - filled), filled)
      blocks += 1
    }
    return drawn
  }
}

/** A fraction from 0, included, to 1, excluded. */
export function fractionOf(random: Random): number {
  return new DataView(random(4).buffer).getUint32(0) / 2 ** 32
}
