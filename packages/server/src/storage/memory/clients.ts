import { builtInClientIds, type ClientRecord } from '../../registered-clients/client.ts'
import type { ClientStore } from '../../registered-clients/client-store.ts'
import { accessLifetime } from '../../revocations/until-rule.ts'
import { storableText } from '../stored-columns.ts'
import { expiryEvent } from '../stored-events.ts'
import { revokedSessions } from '../stored-revocations.ts'
import { declareLifetime, writeRevocations } from './revocations.ts'
import { endSessions } from './sessions.ts'
import { detached, type MemoryState, writeEvent } from './state.ts'

/** Registered clients in memory. */
export function memoryClients(state: MemoryState): ClientStore {
  return {
    async findClient(id) {
      return detached(state.clients.get(id))
    },

    async listClients() {
      return [...state.clients.values()].map((client) => detached(client))
    },

    async addClient(client, event) {
      storableText(client.id)
      if (builtInClientIds.has(client.id) || state.clients.has(client.id)) return false
      state.clients.set(client.id, detached(client))
      if (client.accessSeconds !== null) {
        declareLifetime(state, accessLifetime(client.accessSeconds * 1000, client.createdAt))
      }
      writeEvent(state, event)
      return true
    },

    async addClientSecret(id, secretHash, event) {
      const client = state.clients.get(id)
      if (client === undefined || client.secretHash === null || client.previousSecretHash !== undefined) return false
      const previousSecretHash = client.secretHash
      state.clients.set(id, detached({ ...client, secretHash, previousSecretHash }))
      writeEvent(state, event)
      return true
    },

    async removeClientSecret(id, which, event) {
      const client = state.clients.get(id)
      if (client?.previousSecretHash === undefined) return false
      const { previousSecretHash, ...withOne } = client
      state.clients.set(id, which === 'older' ? withOne : { ...withOne, secretHash: previousSecretHash })
      writeEvent(state, event)
      return true
    },

    async keepClient(id, expiresAt, now) {
      const client = state.clients.get(id)
      const registration = client?.selfRegistration
      if (client === undefined || registration === undefined) return false
      if (registration.expiresAt <= now || registration.expiresAt >= expiresAt) return false
      state.clients.set(id, { ...client, selfRegistration: { ...registration, expiresAt } })
      return true
    },

    async removeExpiredClients(now, limit) {
      const ends = (client: ClientRecord) => client.selfRegistration?.expiresAt ?? Number.POSITIVE_INFINITY
      const expired = [...state.clients.values()]
        .filter((client) => ends(client) <= now)
        .toSorted((one, other) => ends(one) - ends(other))
        .slice(0, limit)
      for (const { id } of expired) {
        state.clients.delete(id)
        writeEvent(state, expiryEvent(id, now))
      }
      return expired.length
    },

    async removeClient(id, now, event) {
      if (!state.clients.delete(id)) return false
      const endedSessions = endSessions(state, (session) => session.clientId === id, now, 'client_removed')
      writeRevocations(state, [...revokedSessions(endedSessions), { kind: 'client', id }], now)
      writeEvent(state, { ...event, endedSessions })
      return true
    },
  }
}
