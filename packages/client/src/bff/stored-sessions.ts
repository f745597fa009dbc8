import { decodeBase64url, encodeBase64url } from '@pawl/protocol'
import { readBffSession } from './bff-session.ts'
import { secretUse } from './seal.ts'
import type { SessionKeepingChoice } from './session-keeping.ts'
import type { SessionStore } from './session-store.ts'

export type { SessionStore, StoredSession } from './session-store.ts'

const secretBytes = 32
const attemptBytes = 16
const purpose = 'bff session'

/**
 * Keeps sessions in a store of the application's server. The browser's cookie is a random value that never changes while
 * the session lives; the store knows it by a derived name only and holds what is sealed under it, so a copy of the store
 * signs nobody in.
 */
export function storedSessions(store: SessionStore): SessionKeepingChoice {
  return ({ random, now }) => {
    const sealOf = (value: string) => {
      const secret = decodeBase64url(value)
      return secret?.byteLength === secretBytes ? secretUse(secret, purpose, random) : undefined
    }
    return {
      add: async (session) => {
        const secret = new Uint8Array(random(secretBytes))
        const seal = secretUse(secret, purpose, random)
        const { version, endsAt } = session
        await store.add({ id: await seal.name(), version, sealed: await seal.seal(session), endsAt }, now())
        return encodeBase64url(secret)
      },
      find: async (value) => {
        const seal = sealOf(value)
        const stored = seal === undefined ? undefined : await store.find(await seal.name())
        return stored === undefined ? undefined : readBffSession(await seal?.open(stored.sealed))
      },
      attemptFor: async (value, version) => {
        const seal = sealOf(value)
        if (seal === undefined) return undefined
        return store.claimAttempt(await seal.name(), version, encodeBase64url(random(attemptBytes)))
      },
      replace: async (value, session) => {
        const seal = sealOf(value)
        if (seal === undefined) return value
        const { version, endsAt } = session
        await store.replace({ id: await seal.name(), version, sealed: await seal.seal(session), endsAt })
        return value
      },
      remove: async (value) => {
        const seal = sealOf(value)
        if (seal !== undefined) await store.remove(await seal.name())
      },
    }
  }
}
