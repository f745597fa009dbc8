import type { SignatureAlgorithm } from '@pawl/protocol'
import type { Clock, Random } from '../secrets/random.ts'
import type { ServerSecret } from '../secrets/server-secrets.ts'
import type { JwksDocument } from './jwks-document.ts'
import { createKeyReader, type OpenedKey } from './key-reading.ts'
import type { KeyStore } from './key-store.ts'
import { type RefreshKeyState, refreshKeyState } from './refresh-key-schedule.ts'
import { createRefreshKeys, type DerivedRefreshKey } from './refresh-keys.ts'
import { olderSecrets, type ResealReport, resealSigningKeys } from './reseal-keys.ts'
import { type RotationSettings, type SigningKeyState, signingKeyStates } from './rotation-schedule.ts'
import type { SigningPair, VerifyingKey } from './signing-key.ts'
import { createSigningKeys, type KillOutcome, type PublishedKey } from './signing-keys.ts'

const defaultActivationLeadSeconds = 60

/** Why a key ring cannot be used. Texts hold ids, never secrets. */
export type KeyRingProblem = (
  | { readonly problem: 'missing_secret'; readonly secretId: string; readonly kids: readonly string[] }
  | { readonly problem: 'corrupt_key'; readonly kid: string }
  | { readonly problem: 'retired_secret'; readonly secretId: string }
) & {
  /** What is wrong. */
  readonly message: string
  /** What to do about it. */
  readonly fix: string
}

/** Outcome of opening the key ring. */
export type KeyRingOpening =
  | {
      readonly ok: true
      /** Refresh keys that live sessions name but whose secret is not here: their tokens are answered 503 on this node. */
      readonly unheldRefreshKeys: readonly { readonly id: string; readonly liveSessions: number }[]
    }
  | { readonly ok: false; readonly problems: readonly KeyRingProblem[] }

/** A signing key as operators see it. Instants are milliseconds since 1970. */
export interface SigningKeyListing {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly state: SigningKeyState
  readonly createdAt: number
  readonly activeFrom: number
  /** Id of the secret that its private half is sealed under. */
  readonly secretId: string
  /** Whether a secret of this node opens it. */
  readonly opened: boolean
}

/** A refresh key as operators see it. Instants are milliseconds since 1970. */
export interface RefreshKeyListing {
  /** Id of the key and of the secret that it is derived from. */
  readonly id: string
  readonly state: RefreshKeyState
  readonly createdAt: number
  readonly activeFrom: number
  readonly retiredAt: number | null
  /** Live sessions whose current token was made with it. */
  readonly liveSessions: number
  /** Whether this node has its secret. */
  readonly held: boolean
}

/** All keys of an installation: what signs, what checks, what derives, and their lives. */
export interface KeyRing {
  /**
   * Checks that every stored key can be used, then does what {@link KeyRing.maintain} does. To be called before anything is
   * served: a missing secret must stop the start, not fail requests one by one.
   */
  readonly open: () => Promise<KeyRingOpening>
  /** The key that signs now. Throws when this node can open none. */
  readonly signingKey: () => Promise<SigningPair>
  /** The published key of that id. */
  readonly verificationKey: (kid: string) => Promise<VerifyingKey | undefined>
  /** The key set for `/oauth/jwks`, newest first. */
  readonly jwks: () => Promise<JwksDocument>
  /** The key that a new token at `now` (milliseconds, the store's) is derived with. Throws when this node holds none. */
  readonly activeRefreshKey: (now: number) => Promise<DerivedRefreshKey>
  /** The key of that id; `not_loaded`: known, but its secret is not here; `unknown`: never seen, or retired and gone. */
  readonly refreshKey: (id: string) => Promise<DerivedRefreshKey | 'not_loaded' | 'unknown'>
  /**
   * Creates, rotates and removes signing keys by the schedule, writes down this node's newest refresh key, retires those
   * that nobody names. Safe on several nodes at once; to be called about once a minute.
   *
   * @returns ids of refresh keys that were retired, so that their secrets may go
   */
  readonly maintain: () => Promise<{ readonly retiredRefreshKeys: readonly string[] }>
  /** Every key with its state, newest first. Works without {@link KeyRing.open}. */
  readonly list: () => Promise<{
    readonly signingKeys: readonly SigningKeyListing[]
    readonly refreshKeys: readonly RefreshKeyListing[]
  }>
  /** Publishes a new key now; it signs after the time ahead. If one is waiting already, that one is named instead. */
  readonly rotate: () => Promise<PublishedKey>
  /** Takes a key out of the ring at once; a fresh one signs at once if it was the active one. Works without {@link KeyRing.open}. */
  readonly kill: (kid: string) => Promise<KillOutcome>
  /**
   * Seals every signing key under the newest secret, retires the refresh keys that are due, and tells what is left under
   * each older secret. Works without {@link KeyRing.open}; may be called again and again.
   */
  readonly reseal: () => Promise<ResealReport>
}

/**
 * Opens the keys of a store with the secrets of this node.
 *
 * @param options.secrets newest first; the newest seals new signing keys and gives the refresh key of this node
 * @param options.clock measures how much time has passed since the store was read; instants are the store's
 * @param options.random draws nonces; key pairs come from the platform's own generator
 * @param options.algorithm what new signing keys are for
 * @param options.settings see {@link RotationSettings}, best made by `rotationSettings`
 * @param options.activationLeadSeconds how long a new refresh key is known before it is used, so that every node has its
 *   secret; default 60
 * @throws RangeError when a key would rotate faster than it is published ahead
 */
export function createKeyRing(options: {
  readonly store: KeyStore
  readonly secrets: readonly [ServerSecret, ...ServerSecret[]]
  readonly clock: Clock
  readonly random: Random
  readonly algorithm: SignatureAlgorithm
  readonly settings: RotationSettings
  readonly activationLeadSeconds?: number
}): KeyRing {
  const { store, secrets, clock, random, algorithm, settings } = options
  if (settings.rotateEverySeconds < settings.publishAheadSeconds) {
    throw new RangeError('rotateEverySeconds must not be less than publishAheadSeconds')
  }
  const read = createKeyReader({ store, secrets, clock })
  const signing = createSigningKeys({ store, read, sealingSecret: secrets[0], random, algorithm, settings })
  const activationLeadSeconds = options.activationLeadSeconds ?? defaultActivationLeadSeconds
  const refresh = createRefreshKeys({ store, read, secrets, activationLeadSeconds })
  const heldIds = new Set(secrets.map((secret) => secret.id))

  async function maintain(): Promise<{ readonly retiredRefreshKeys: readonly string[] }> {
    await signing.followSchedule()
    await refresh.register()
    return { retiredRefreshKeys: await refresh.retire() }
  }

  async function reseal(): Promise<ResealReport> {
    const before = await read()
    const resealed = await resealSigningKeys(before.signingKeys, { store, secrets, random, now: before.now() })
    await refresh.retire()
    const { signingKeys, refreshKeys, ...reading } = await read()
    const now = reading.now()
    const liveSessions = await store.countSessionsByRefreshKey(now)
    return {
      newestSecretId: secrets[0].id,
      newestInUse: refreshKeys.some((record) => record.id === secrets[0].id),
      resealed,
      olderSecrets: olderSecrets({ secrets, signingKeys, refreshKeys, liveSessions, now }),
      now,
    }
  }

  /** Counting reads every session, so it is done only where something is missing: a start must not wait for it (T11.1). */
  async function unheldInUse(): Promise<readonly { readonly id: string; readonly liveSessions: number }[]> {
    const reading = await read()
    const unheld = reading.refreshKeys.filter(({ id, retiredAt }) => retiredAt === null && !heldIds.has(id))
    if (unheld.length === 0) return []
    const live = await store.countSessionsByRefreshKey(reading.now())
    return unheld
      .map(({ id }) => ({ id, liveSessions: live.get(id) ?? 0 }))
      .filter(({ liveSessions }) => liveSessions > 0)
  }

  async function list(): ReturnType<KeyRing['list']> {
    const reading = await read()
    const now = reading.now()
    const live = await store.countSessionsByRefreshKey(now)
    return {
      signingKeys: signingKeyStates(reading.signingKeys, now).map(({ key, state }) => ({
        kid: key.kid,
        algorithm: key.algorithm,
        state,
        createdAt: key.createdAt,
        activeFrom: key.activeFrom,
        secretId: key.secretId,
        opened: key.pair !== undefined,
      })),
      refreshKeys: reading.refreshKeys
        .toSorted((a, b) => b.activeFrom - a.activeFrom)
        .map((record) => ({
          ...record,
          state: refreshKeyState(record, reading.refreshKeys, now),
          liveSessions: live.get(record.id) ?? 0,
          held: heldIds.has(record.id),
        })),
    }
  }

  return {
    open: async () => {
      const reading = await read()
      const problems = [...signingKeyProblems(reading.signingKeys)]
      const inUse = reading.refreshKeys.filter((record) => record.retiredAt === null)
      const retired = reading.refreshKeys.find((record) => record.id === secrets[0].id && record.retiredAt !== null)
      if (retired !== undefined && !inUse.some((record) => heldIds.has(record.id)))
        problems.push(retiredSecret(retired.id))
      if (problems.length > 0) return { ok: false, problems }
      await maintain()
      return { ok: true, unheldRefreshKeys: await unheldInUse() }
    },
    signingKey: signing.signingKey,
    verificationKey: signing.verificationKey,
    jwks: signing.jwks,
    activeRefreshKey: refresh.activeRefreshKey,
    refreshKey: refresh.refreshKey,
    maintain,
    list,
    rotate: signing.rotate,
    kill: signing.kill,
    reseal,
  }
}

function signingKeyProblems(keys: readonly OpenedKey[]): readonly KeyRingProblem[] {
  const missing = Map.groupBy(
    keys.filter((key) => key.fault === 'wrong_secret'),
    (key) => key.secretId,
  )
  return [
    ...[...missing].map(([secretId, sealed]) =>
      missingSecret(
        secretId,
        sealed.map((key) => key.kid),
      ),
    ),
    ...keys.filter((key) => key.fault === 'corrupt').map((key) => corruptKey(key.kid)),
  ]
}

function missingSecret(secretId: string, kids: readonly string[]): KeyRingProblem {
  return {
    problem: 'missing_secret',
    secretId,
    kids,
    message: `the secret with the id ${secretId} is missing; the signing key ${kids.join(', ')} is sealed under it`,
    fix: `add the secret ${secretId} to PAWL_SECRETS, after the newer ones; if it is lost for good: ${kids.map((kid) => `pawl key kill ${kid}`).join('; ')}`,
  }
}

function corruptKey(kid: string): KeyRingProblem {
  return {
    problem: 'corrupt_key',
    kid,
    message: `the stored signing key ${kid} is damaged`,
    fix: `restore the store, or remove the key: pawl key kill ${kid}`,
  }
}

function retiredSecret(secretId: string): KeyRingProblem {
  return {
    problem: 'retired_secret',
    secretId,
    message: `the secret with the id ${secretId} is retired and cannot come back into use`,
    fix: 'put a new secret first in PAWL_SECRETS',
  }
}
