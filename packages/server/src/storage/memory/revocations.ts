import type { Revocation, RevocationStore } from '../../revocations/revocation-store.ts'
import type { AccessLifetime } from '../../revocations/until-rule.ts'
import {
  countSteps,
  entriesAtOnce,
  pageOf,
  placeRevocations,
  type StoredEntry,
  wholeSteps,
} from '../stored-revocations.ts'
import { type MemoryState, writeEvent } from './state.ts'

function longestLifetime({ accessLifetimes }: MemoryState, now: number): number | undefined {
  const declared = [...accessLifetimes].filter(([, until]) => until > now).map(([milliseconds]) => milliseconds)
  return declared.length === 0 ? undefined : Math.max(...declared)
}

function tellWatchers(state: MemoryState): void {
  for (const changed of state.feedWatchers) queueMicrotask(changed)
}

/** Puts what ended into the feed, in the same turn as the change it tells of. */
export function writeRevocations(state: MemoryState, revocations: readonly Revocation[], now: number): void {
  if (revocations.length === 0) return
  const { sequence } = state.feed
  const longest = longestLifetime(state, now)
  state.revocations.push(...placeRevocations(revocations, { sequence, now, writtenAt: state.clock(), longest }))
  state.feed = { ...state.feed, sequence: sequence + countSteps(revocations.length) }
  tellWatchers(state)
}

/** Keeps the longest that was said of a lifetime. */
export function declareLifetime(state: MemoryState, { milliseconds, until }: AccessLifetime): void {
  state.accessLifetimes.set(milliseconds, Math.max(until, state.accessLifetimes.get(milliseconds) ?? until))
}

/** The feed in memory. */
export function memoryRevocations(state: MemoryState): RevocationStore {
  return {
    async readRevocationSteps(sequence) {
      const now = state.clock()
      const stored = state.revocations.filter((one) => one.sequence > sequence).slice(0, entriesAtOnce)
      return { position: state.feed, now, steps: wholeSteps(stored, now) }
    },

    async readRevocationPage({ after, upTo, limit }) {
      const now = state.clock()
      const isNext = ({ sequence, place }: StoredEntry): boolean =>
        after === undefined || sequence > after.sequence || (sequence === after.sequence && place > after.place)
      const stored = state.revocations
        .filter((one) => one.sequence <= upTo && one.entry.until > now && isNext(one))
        .slice(0, limit)
      return pageOf(stored, limit, state.feed)
    },

    async claimsChangedAt(userId) {
      const now = state.clock()
      const instants = state.revocations
        .filter(({ entry }) => entry.kind === 'claims' && entry.id === userId && entry.until > now)
        .map(({ entry }) => entry.at)
      return instants.length === 0 ? undefined : Math.max(...instants)
    },

    async addRevocation({ kind, id, now, event }) {
      writeRevocations(state, [{ kind, id }], now)
      if (event !== undefined) writeEvent(state, event)
    },

    async startRevocationEpoch(epoch) {
      state.feed = { ...state.feed, epoch }
      tellWatchers(state)
    },

    async declareAccessLifetime(lifetime) {
      declareLifetime(state, lifetime)
    },

    async removeEndedRevocations(limit) {
      const now = state.clock()
      const ended = new Set(state.revocations.filter(({ entry }) => entry.until <= now).slice(0, limit))
      state.revocations = state.revocations.filter((one) => !ended.has(one))
      return ended.size
    },

    watchRevocations(changed) {
      state.feedWatchers.add(changed)
      return () => {
        state.feedWatchers.delete(changed)
      }
    },
  }
}
