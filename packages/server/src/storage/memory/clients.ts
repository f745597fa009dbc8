import { builtInClientIds } from '../../registered-clients/client.ts'
import type { ClientStore } from '../../registered-clients/client-store.ts'
import { storableText } from '../storable-text.ts'
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
      writeEvent(state, event)
      return true
    },

    async removeClient(id, now, event) {
      if (!state.clients.delete(id)) return false
      const endedSessions = endSessions(state, (session) => session.clientId === id, now, 'client_removed')
      writeEvent(state, { ...event, endedSessions })
      return true
    },
  }
}
