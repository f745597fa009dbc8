import type { ConsentStore } from '../../authorizations/consent-store.ts'
import { revokedSessions } from '../stored-revocations.ts'
import { writeRevocations } from './revocations.ts'
import { endSessions } from './sessions.ts'
import { detached, type MemoryState, writeEvent } from './state.ts'

const keyOf = (userId: string, clientId: string): string => JSON.stringify([userId, clientId])

/** Consents in memory. */
export function memoryConsents(state: MemoryState): ConsentStore {
  return {
    async findConsent(userId, clientId) {
      return detached(state.consents.get(keyOf(userId, clientId)))
    },

    async listConsents(userId) {
      return [...state.consents.values()]
        .filter((consent) => consent.userId === userId)
        .sort((one, other) => other.grantedAt - one.grantedAt || (one.clientId < other.clientId ? -1 : 1))
        .map((consent) => detached(consent))
    },

    async rememberConsent(consent, event) {
      state.consents.set(keyOf(consent.userId, consent.clientId), detached(consent))
      writeEvent(state, event)
    },

    async withdrawConsent({ userId, clientId, now, event }) {
      if (!state.consents.delete(keyOf(userId, clientId))) return false
      for (const [key, ticket] of state.tickets) {
        if (ticket.userId === userId && ticket.clientId === clientId) state.tickets.delete(key)
      }
      const endedSessions = endSessions(
        state,
        (session) => session.userId === userId && session.clientId === clientId,
        now,
        'consent_withdrawn',
      )
      writeRevocations(state, revokedSessions(endedSessions), now)
      writeEvent(state, { ...event, endedSessions })
      return true
    },
  }
}
