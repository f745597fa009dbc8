import type { LostWritesStore } from '../../tokens/lost-writes-store.ts'
import { type MemoryState, writeEvent } from './state.ts'

/** Counts a session that rolled forward, unless it shows a loss that was settled. */
export function noteLostWrites(state: MemoryState, lostSince: number, now: number): void {
  const { sessions, intactUntil, settledAt } = state.lostWrites
  if (settledAt !== null && lostSince <= settledAt) return
  state.lostWrites = {
    sessions: sessions + 1,
    noticedAt: now,
    intactUntil: Math.max(intactUntil ?? lostSince, lostSince),
    settledAt,
  }
}

/** Lost writes in memory. */
export function memoryLostWrites(state: MemoryState): LostWritesStore {
  return {
    async lostWrites() {
      return state.lostWrites
    },

    async settleLostWrites(now, event) {
      state.lostWrites = { sessions: 0, noticedAt: null, intactUntil: null, settledAt: now }
      writeEvent(state, event)
    },
  }
}
