import { type RevocationEntry, revocationKinds } from '@pawl/protocol'
import {
  type EntryPlace,
  largestStep,
  type Revocation,
  type RevocationPage,
  type RevocationStep,
} from '../revocations/revocation-store.ts'
import { entryUntil } from '../revocations/until-rule.ts'
import { integer, oneOf, type Row, text } from './stored-columns.ts'

/** How many entries are read to find whole steps: the last of them may be cut off, yet two are always whole. */
export const entriesAtOnce: number = 3 * largestStep

/** An entry with its place in the feed. */
export interface StoredEntry extends EntryPlace {
  readonly entry: RevocationEntry
}

/** Reads an entry of the columns `sequence`, `place`, `kind`, `id`, `at` and `until`. */
export function storedEntry(row: Row): StoredEntry {
  return {
    sequence: integer(row, 'sequence'),
    place: integer(row, 'place'),
    entry: {
      kind: oneOf(row, 'kind', revocationKinds),
      id: text(row, 'id'),
      at: integer(row, 'at'),
      until: integer(row, 'until'),
    },
  }
}

/**
 * Lays out what ended over the next steps, the first of which is the one after `sequence`.
 *
 * @param written.now the instant of the change
 * @param written.writtenAt the store's instant, taken once nobody else writes to the feed. Tokens were issued up to then,
 *   however long before that the change read the clock, so entries last from then on
 */
export function placeRevocations(
  revocations: readonly Revocation[],
  written: {
    readonly sequence: number
    readonly now: number
    readonly writtenAt: number
    readonly longest: number | undefined
  },
): readonly StoredEntry[] {
  const { sequence, now, writtenAt, longest } = written
  const from = Math.max(now, writtenAt)
  return revocations.map(({ kind, id }, index) => ({
    sequence: sequence + 1 + Math.floor(index / largestStep),
    place: index % largestStep,
    entry: { kind, id, at: now, until: entryUntil(kind, from, longest) },
  }))
}

/** Ended sessions as they go into the feed. */
export function revokedSessions(ids: readonly string[]): readonly Revocation[] {
  return ids.map((id) => ({ kind: 'session', id }))
}

/** How many steps so many entries take. */
export function countSteps(revocations: number): number {
  return Math.ceil(revocations / largestStep)
}

/** The steps of entries that are in order and {@link entriesAtOnce} at most; a last one that may be cut off is left out. */
export function wholeSteps(stored: readonly StoredEntry[], now: number): readonly RevocationStep[] {
  const cutOff = stored.length === entriesAtOnce ? stored.at(-1)?.sequence : undefined
  const steps = Map.groupBy(stored, ({ sequence }) => sequence)
  return [...steps]
    .filter(([sequence]) => sequence !== cutOff)
    .map(([sequence, of]) => ({
      sequence,
      entries: of.map(({ entry }) => entry).filter(({ until }) => until > now),
    }))
}

/** A page of entries that are in order and `limit` at most. */
export function pageOf(
  stored: readonly StoredEntry[],
  limit: number,
  position: RevocationPage['position'],
): RevocationPage {
  const last = stored.at(-1)
  const next = last === undefined || stored.length < limit ? undefined : { sequence: last.sequence, place: last.place }
  return { position, entries: stored.map(({ entry }) => entry), next }
}
