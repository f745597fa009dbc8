import type { EventStore } from '../../security-events/event-store.ts'
import { detached, type MemoryState, writeEvent } from './state.ts'

/** The outbox in memory. */
export function memoryEvents(state: MemoryState): EventStore {
  return {
    async appendEvent(event) {
      writeEvent(state, event)
    },

    async nextEvents(limit) {
      return detached(state.events.slice(0, limit))
    },

    async forgetEvents(sequences) {
      const delivered = new Set(sequences)
      state.events = state.events.filter((stored) => !delivered.has(stored.sequence))
    },
  }
}
