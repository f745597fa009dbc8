import type { KeyStore } from '../../keys/key-store.ts'
import { writeRevocations } from './revocations.ts'
import { isLive } from './sessions.ts'
import { detached, type MemoryState, writeEvent } from './state.ts'

/** Keys in memory. */
export function memoryKeys(state: MemoryState): KeyStore {
  function countSessions(now: number): Map<string, number> {
    const counts = new Map<string, number>()
    for (const session of state.sessions.values()) {
      if (isLive(session, now)) counts.set(session.refreshKeyId, (counts.get(session.refreshKeyId) ?? 0) + 1)
    }
    return counts
  }

  return {
    async keysVersion() {
      return state.keysVersion
    },

    async readKeys() {
      return {
        version: state.keysVersion,
        now: state.clock(),
        signingKeys: detached([...state.signingKeys.values()]),
        refreshKeys: detached([...state.refreshKeys.values()]),
      }
    },

    async addSigningKey(key, expectedVersion, event) {
      if (state.keysVersion !== expectedVersion || state.signingKeys.has(key.kid)) return false
      state.signingKeys.set(key.kid, detached(key))
      state.keysVersion += 1
      writeEvent(state, event)
      return true
    },

    async removeSigningKey(kid, event) {
      if (!state.signingKeys.delete(kid)) return false
      state.keysVersion += 1
      writeEvent(state, event)
      return true
    },

    async killSigningKey(kid, event) {
      if (!state.signingKeys.delete(kid)) return false
      state.keysVersion += 1
      writeRevocations(state, [{ kind: 'key', id: kid }], event.at)
      writeEvent(state, event)
      return true
    },

    async replaceSealedKey({ kid, fromSecretId, toSecretId, sealedPrivateKey }, event) {
      const key = state.signingKeys.get(kid)
      if (key?.secretId !== fromSecretId) return false
      state.signingKeys.set(kid, detached({ ...key, secretId: toSecretId, sealedPrivateKey }))
      state.keysVersion += 1
      writeEvent(state, event)
      return true
    },

    async addRefreshKey(key, expectedVersion, event) {
      if (state.keysVersion !== expectedVersion || state.refreshKeys.has(key.id)) return false
      state.refreshKeys.set(key.id, detached(key))
      state.keysVersion += 1
      writeEvent(state, event)
      return true
    },

    async countSessionsByRefreshKey(now) {
      return countSessions(now)
    },

    async retireRefreshKey(id, now, event) {
      const key = state.refreshKeys.get(id)
      if (key === undefined || key.retiredAt !== null || countSessions(now).has(id)) return false
      state.refreshKeys.set(id, { ...key, retiredAt: now })
      state.keysVersion += 1
      writeEvent(state, event)
      return true
    },
  }
}
