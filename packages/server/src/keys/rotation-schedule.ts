import type { SignatureAlgorithm } from '@pawl/protocol'
import type { SigningKeyRecord } from './key-store.ts'

/** How signing keys follow one another. All in seconds. */
export interface RotationSettings {
  /** How long a key signs before the next one does. */
  readonly rotateEverySeconds: number
  /** How long a key is published before it signs: at least the cache lifetime of the published key set. */
  readonly publishAheadSeconds: number
  /** How long a key stays published after its successor began to sign: the longest access lifetime and the allowed skew. */
  readonly retireAfterSeconds: number
}

const defaultRotateEverySeconds = 90 * 24 * 60 * 60
const skewSeconds = 60

/**
 * Settings under which no rotation can make a valid token fail: ahead and after are computed from the lifetimes that they
 * must cover, so that nobody can set them too short (standards JW-8).
 *
 * @param options.jwksCacheSeconds for how long verifiers may keep the published key set
 * @param options.longestAccessSeconds longest lifetime that any access token may have
 * @param options.rotateEverySeconds default 90 days; never shorter than the time ahead
 */
export function rotationSettings(options: {
  readonly jwksCacheSeconds: number
  readonly longestAccessSeconds: number
  readonly rotateEverySeconds?: number
}): RotationSettings {
  const publishAheadSeconds = options.jwksCacheSeconds + skewSeconds
  return {
    rotateEverySeconds: Math.max(options.rotateEverySeconds ?? defaultRotateEverySeconds, publishAheadSeconds),
    publishAheadSeconds,
    retireAfterSeconds: options.longestAccessSeconds + skewSeconds,
  }
}

/** What the schedule needs to know of a key. */
export type ScheduledKey = Pick<SigningKeyRecord, 'kid' | 'algorithm' | 'createdAt' | 'activeFrom'>

/** Where a signing key stands: published ahead, signing, or kept until its last token has expired. */
export type SigningKeyState = 'published' | 'active' | 'retiring'

/** What there is to do at an instant. */
export interface RotationPlan {
  /** Add a key that signs from that instant (milliseconds). */
  readonly create?: { readonly activeFrom: number }
  /** Ids of keys of which no token can be valid any more. */
  readonly remove: readonly string[]
}

/**
 * Keys in the order in which they sign, newest first. Where instants are equal the id decides, so that every node agrees.
 */
export function inSigningOrder<Key extends ScheduledKey>(keys: readonly Key[]): readonly Key[] {
  return keys.toSorted((a, b) => b.activeFrom - a.activeFrom || b.createdAt - a.createdAt || (a.kid < b.kid ? -1 : 1))
}

/**
 * The key that signs at `now` (milliseconds): the newest whose time has come. If none has, the one whose time comes first:
 * all are published, and a clock that was set back must not stop the server.
 */
export function activeSigningKey<Key extends ScheduledKey>(keys: readonly Key[], now: number): Key | undefined {
  const ordered = inSigningOrder(keys)
  return ordered.find((key) => key.activeFrom <= now) ?? ordered.at(-1)
}

/** Where each key stands at `now`, newest first. */
export function signingKeyStates<Key extends ScheduledKey>(
  keys: readonly Key[],
  now: number,
): readonly { readonly key: Key; readonly state: SigningKeyState }[] {
  const ordered = inSigningOrder(keys)
  const active = activeSigningKey(ordered, now)
  return ordered.map((key) => ({
    key,
    state: key === active ? 'active' : key.activeFrom > now ? 'published' : 'retiring',
  }))
}

/**
 * Decides what to do with the signing keys at `now` (standards JW-8). The first key signs at once; every later one is
 * published ahead, and at most one waits at a time, so that nodes that disagree about the algorithm cannot pile up keys.
 *
 * @param algorithm algorithm that new keys shall have; a change of it is a reason to rotate
 */
export function planRotation(
  keys: readonly ScheduledKey[],
  now: number,
  settings: RotationSettings,
  algorithm: SignatureAlgorithm,
): RotationPlan {
  const ordered = inSigningOrder(keys)
  const newest = ordered[0]
  if (newest === undefined) return { create: { activeFrom: now }, remove: [] }
  const active = activeSigningKey(ordered, now)
  const remove = ordered
    .filter((key, index) => {
      const successor = ordered[index - 1]
      return (
        key !== active && successor !== undefined && successor.activeFrom + settings.retireAfterSeconds * 1000 <= now
      )
    })
    .map((key) => key.kid)
  const activeFrom = now + settings.publishAheadSeconds * 1000
  const due = newest.activeFrom + settings.rotateEverySeconds * 1000 <= activeFrom || newest.algorithm !== algorithm
  const waiting = newest !== active
  return due && !waiting ? { create: { activeFrom }, remove } : { remove }
}
