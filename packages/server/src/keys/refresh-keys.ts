import type { ServerSecret } from '../secrets/server-secrets.ts'
import type { KeyReading } from './key-reading.ts'
import type { KeyStore } from './key-store.ts'
import { activeRefreshKeyRecord, retirableRefreshKeys } from './refresh-key-schedule.ts'

const derivationLabel = 'refresh tokens'
/** How long its successor must have been in use before a refresh key that no live session names is retired. */
export const refreshKeyRetireAfterSeconds: number = 60 * 60
const rounds = 5

/** A refresh key ready for use. */
export interface DerivedRefreshKey {
  /** Id of the secret that it was derived from. */
  readonly id: string
  /** 256 bits. */
  readonly key: Uint8Array
}

/** The refresh half of the key ring. */
export interface RefreshKeyRing {
  readonly activeRefreshKey: (now: number) => Promise<DerivedRefreshKey>
  readonly refreshKey: (id: string) => Promise<DerivedRefreshKey | 'not_loaded' | 'unknown'>
  readonly register: () => Promise<void>
  readonly retire: () => Promise<readonly string[]>
}

/** Derives refresh keys from the server's secrets and keeps the store's list of their ids. */
export function createRefreshKeys(options: {
  readonly store: KeyStore
  readonly read: () => Promise<KeyReading>
  readonly secrets: readonly [ServerSecret, ...ServerSecret[]]
  readonly activationLeadSeconds: number
}): RefreshKeyRing {
  const { store, read, secrets, activationLeadSeconds } = options
  const held = new Map(secrets.map((secret) => [secret.id, { id: secret.id, key: secret.derive(derivationLabel) }]))
  const newest = secrets[0]

  return {
    activeRefreshKey: async (now) => {
      const { refreshKeys } = await read()
      // A key that only other nodes hold is theirs to use: this node goes on with its own until it is given the secret.
      const active = activeRefreshKeyRecord(
        refreshKeys.filter((record) => held.has(record.id)),
        now,
      )
      const key = active === undefined ? undefined : held.get(active.id)
      if (key === undefined) throw new Error('no refresh key in use whose secret this node holds')
      return key
    },

    refreshKey: async (id) => {
      const record = (await read()).refreshKeys.find((candidate) => candidate.id === id)
      // A key that the store does not know but this node holds was made known by writes that the store has lost (F8): its
      // tokens are ours. Also a retired key as long as its secret is here: an earlier token of a session that has moved on
      // to a newer key must still be told from garbage, and answered if it is a late retry.
      return held.get(id) ?? (record?.retiredAt === null ? 'not_loaded' : 'unknown')
    },

    register: async () => {
      for (let round = 0; round < rounds; round += 1) {
        const reading = await read()
        if (reading.refreshKeys.some((record) => record.id === newest.id)) return
        const createdAt = reading.now()
        const first = reading.refreshKeys.length === 0
        const activeFrom = first ? createdAt : createdAt + activationLeadSeconds * 1000
        const record = { id: newest.id, createdAt, activeFrom, retiredAt: null }
        await store.addRefreshKey(record, reading.version, {
          type: 'refresh_key_added',
          at: createdAt,
          actor: 'server',
          keyId: newest.id,
          evidence: { activeFrom },
        })
      }
      throw new Error('the key store kept changing while a refresh key was being added')
    },

    retire: async () => {
      const reading = await read()
      const now = reading.now()
      const retirable = retirableRefreshKeys(reading.refreshKeys, now, refreshKeyRetireAfterSeconds)
      if (retirable.length === 0) return []
      const live = await store.countSessionsByRefreshKey(now)
      const retired: string[] = []
      for (const id of retirable) {
        if ((live.get(id) ?? 0) > 0) continue
        const event = { type: 'refresh_key_retired', at: now, actor: 'server', keyId: id } as const
        if (await store.retireRefreshKey(id, now, event)) retired.push(id)
      }
      return retired
    },
  }
}
