import type { Random } from '../secrets/random.ts'
import type { ServerSecret } from '../secrets/server-secrets.ts'
import type { OpenedKey } from './key-reading.ts'
import { openPrivateKey, sealPrivateKey } from './key-sealing.ts'
import type { KeyStore, RefreshKeyRecord } from './key-store.ts'
import { activeRefreshKeyRecord, type RefreshKeyState, refreshKeyState } from './refresh-key-schedule.ts'
import { refreshKeyRetireAfterSeconds } from './refresh-keys.ts'

/** What still needs a secret that is not the newest. */
export interface OlderSecret {
  readonly id: string
  /** Whether this node has it. */
  readonly held: boolean
  /** Ids of the signing keys that are still sealed under it. */
  readonly signingKeys: readonly string[]
  /** Live sessions whose current token was made with it: they leave it by refreshing or by ending. */
  readonly liveSessions: number
  /** Where the refresh key derived from it stands; undefined: it never made a token. */
  readonly refreshKeyState: RefreshKeyState | undefined
  /**
   * From when it may be taken away, in milliseconds: at or before now, now; undefined: something still needs it.
   */
  readonly removableFrom: number | undefined
}

/** Outcome of sealing every signing key under the newest secret. */
export interface ResealReport {
  readonly newestSecretId: string
  /** Whether a server has started with the newest secret in front, so that the others know of it. */
  readonly newestInUse: boolean
  /** Ids of the keys that this call sealed anew. */
  readonly resealed: readonly string[]
  readonly olderSecrets: readonly OlderSecret[]
  /** The store's instant of the report, in milliseconds. */
  readonly now: number
}

/**
 * Seals under the newest secret whatever an older one seals. What cannot be opened here is left as it is.
 *
 * @param options.secrets newest first
 * @returns ids of the keys that changed their envelope
 */
export async function resealSigningKeys(
  keys: readonly OpenedKey[],
  options: {
    readonly store: Pick<KeyStore, 'replaceSealedKey'>
    readonly secrets: readonly [ServerSecret, ...ServerSecret[]]
    readonly random: Random
    readonly now: number
  },
): Promise<readonly string[]> {
  const { store, secrets, random, now } = options
  const [newest] = secrets
  const resealed: string[] = []
  for (const { kid, secretId, sealedPrivateKey, pair } of keys) {
    if (secretId === newest.id || pair === undefined) continue
    const pkcs8 = openPrivateKey(sealedPrivateKey, kid, secrets)
    if (typeof pkcs8 === 'string') continue
    const sealed = sealPrivateKey(pkcs8, kid, newest, random)
    pkcs8.fill(0)
    const replacement = { kid, fromSecretId: secretId, toSecretId: newest.id, sealedPrivateKey: sealed }
    const replaced = await store.replaceSealedKey(replacement, {
      type: 'signing_key_resealed',
      at: now,
      actor: 'admin',
      keyId: kid,
      evidence: { fromSecret: secretId, toSecret: newest.id },
    })
    if (replaced) resealed.push(kid)
  }
  return resealed
}

/**
 * What is left under each secret but the newest: those that this node holds, and those that something in the store
 * still needs. A secret may go once no signing key is sealed under it and its refresh key is retired, which is the
 * store's own word that no live session names it and none will.
 */
export function olderSecrets(installation: {
  readonly secrets: readonly [ServerSecret, ...ServerSecret[]]
  readonly signingKeys: readonly OpenedKey[]
  readonly refreshKeys: readonly RefreshKeyRecord[]
  readonly liveSessions: ReadonlyMap<string, number>
  readonly now: number
}): readonly OlderSecret[] {
  const { secrets, signingKeys, refreshKeys, liveSessions, now } = installation
  const [newest, ...older] = secrets
  const ids = new Set([
    ...older.map((secret) => secret.id),
    ...signingKeys.map((key) => key.secretId),
    ...refreshKeys.filter((record) => record.retiredAt === null).map((record) => record.id),
  ])
  ids.delete(newest.id)
  return [...ids].map((id) => {
    const sealed = signingKeys.filter((key) => key.secretId === id).map((key) => key.kid)
    const record = refreshKeys.find((candidate) => candidate.id === id)
    const sessions = liveSessions.get(id) ?? 0
    return {
      id,
      held: older.some((secret) => secret.id === id),
      signingKeys: sealed,
      liveSessions: sessions,
      refreshKeyState: record && refreshKeyState(record, refreshKeys, now),
      removableFrom: sealed.length > 0 || sessions > 0 ? undefined : retirement(record, refreshKeys, now),
    }
  })
}

/** When a refresh key that no live session names is, or will be, retired; undefined while it is in use or may yet be. */
function retirement(
  record: RefreshKeyRecord | undefined,
  records: readonly RefreshKeyRecord[],
  now: number,
): number | undefined {
  if (record === undefined) return now
  if (record.retiredAt !== null) return record.retiredAt
  const active = activeRefreshKeyRecord(records, now)
  if (active === undefined || refreshKeyState(record, records, now) !== 'retiring') return undefined
  return active.activeFrom + refreshKeyRetireAfterSeconds * 1000
}
