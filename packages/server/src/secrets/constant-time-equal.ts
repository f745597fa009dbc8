import { timingSafeEqual } from 'node:crypto'

/**
 * Compares two byte strings in a time that depends on their lengths only. Byte strings of different lengths are unequal;
 * compare digests where the length itself is a secret.
 */
export function constantTimeEqual(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && timingSafeEqual(first, second)
}
