import { createHash, timingSafeEqual } from 'node:crypto'

/** How many rotations a session remembers. Fewer than eight convict honest tabs (finding F1); more buy nothing. */
export const rememberedRotations = 8

const instantBytes = 6
const attemptBytes = 16
const entryBytes = instantBytes + attemptBytes

/** Size of the `recent` column: the same for a session that never moved and one that moved a million times. */
const recentBytes: number = rememberedRotations * entryBytes

/** One remembered rotation: when it happened, and under which attempt. */
export interface Rotation {
  /** The store's instant in milliseconds. */
  readonly at: number
  /** First 16 bytes of the SHA-256 of the attempt id; undefined for a generation skipped by a roll-forward. */
  readonly attempt: Uint8Array | undefined
}

/** The `recent` value of a session that has not moved yet. */
export function noRotations(): Uint8Array {
  return new Uint8Array(recentBytes)
}

/** What is kept of an attempt id. */
export function hashAttempt(attemptId: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(attemptId).digest().subarray(0, attemptBytes)
}

/** Whether two attempts are one. An absent one equals nothing, not even another absent one (finding F2). */
export function sameAttempt(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && timingSafeEqual(one, other)
}

/**
 * The rotation that superseded `generation` (from it to the next), as far as eight entries of a session that stands at
 * `current` show it. Undefined: not superseded yet, or so long ago that it is older than any window.
 */
export function rotationFrom(recent: Uint8Array, current: number, generation: number): Rotation | undefined {
  const index = current - 1 - generation
  if (index < 0 || index >= rememberedRotations) return undefined
  const entry = Buffer.from(recent.buffer, recent.byteOffset + index * entryBytes, entryBytes)
  const at = entry.readUIntBE(0, instantBytes)
  if (at === 0) return undefined
  const attempt = entry.subarray(instantBytes)
  return { at, attempt: attempt.every((byte) => byte === 0) ? undefined : attempt }
}

/** Puts rotations, oldest first, in front of those remembered; what no longer fits falls off. */
export function rememberRotations(recent: Uint8Array, rotations: readonly Rotation[]): Uint8Array {
  const kept = rotations.slice(-rememberedRotations).reverse()
  const next = Buffer.alloc(recentBytes)
  kept.forEach((rotation, index) => {
    next.writeUIntBE(rotation.at, index * entryBytes, instantBytes)
    if (rotation.attempt !== undefined) next.set(rotation.attempt, index * entryBytes + instantBytes)
  })
  next.set(recent.subarray(0, recentBytes - kept.length * entryBytes), kept.length * entryBytes)
  return next
}
