import type { RevocationPosition } from '@pawl/protocol'
import type { Revocation, RevocationStore } from '../../revocations/revocation-store.ts'
import type { AccessLifetime } from '../../revocations/until-rule.ts'
import { integer, integerOrNull, text } from '../stored-columns.ts'
import { countSteps, entriesAtOnce, pageOf, placeRevocations, storedEntry, wholeSteps } from '../stored-revocations.ts'
import type { Database } from './database.ts'
import { writeEvent } from './events.ts'
import type { SqliteStorageOptions } from './options.ts'

const readPosition = 'SELECT epoch, sequence FROM revocation_feed'
const readLongest = 'SELECT max(milliseconds) AS longest FROM access_lifetimes WHERE until > :now'
const takeSteps = 'UPDATE revocation_feed SET sequence = sequence + :steps RETURNING sequence'

const insert = `
  INSERT INTO revocation_entries (sequence, place, kind, id, at, until)
  SELECT value ->> 'sequence', value ->> 'place', value ->> '$.entry.kind', value ->> '$.entry.id',
    value ->> '$.entry.at', value ->> '$.entry.until'
  FROM json_each(:entries)`

const readSteps = `
  SELECT sequence, place, kind, id, at, until FROM revocation_entries
  WHERE sequence > :sequence ORDER BY sequence, place LIMIT ${entriesAtOnce}`

const readPage = `
  SELECT sequence, place, kind, id, at, until FROM revocation_entries
  WHERE (sequence, place) > (:afterSequence, :afterPlace) AND sequence <= :upTo AND until > :now
  ORDER BY sequence, place LIMIT :limit`

const readClaimsChange = `
  SELECT max(at) AS changed_at FROM revocation_entries WHERE kind = 'claims' AND id = :userId AND until > :now`

const declare = `
  INSERT INTO access_lifetimes (milliseconds, until) VALUES (:milliseconds, :until)
  ON CONFLICT (milliseconds) DO UPDATE SET until = max(until, excluded.until)`

const removeEnded = `
  DELETE FROM revocation_entries WHERE (sequence, place) IN
    (SELECT sequence, place FROM revocation_entries WHERE until <= :now ORDER BY until LIMIT :limit)`

/** How often a process that others share the file with looks whether they have ended anything. */
const lookMilliseconds = 100

/** The feed in SQLite, and the way in for the changes that belong into it. */
export interface SqliteRevocations extends RevocationStore {
  /** Puts what ended into the feed. Call inside the transaction of the change. */
  readonly writeRevocations: (revocations: readonly Revocation[], now: number) => void
}

/** {@link RevocationStore.declareAccessLifetime} inside a transaction. */
export function writeLifetime(database: Database, lifetime: AccessLifetime): void {
  database.run(declare, { ...lifetime })
}

/** Makes the feed of one connection. */
export function sqliteRevocations(database: Database, { clock }: SqliteStorageOptions): SqliteRevocations {
  const watchers = new Set<() => void>()
  let looking: NodeJS.Timeout | undefined
  let seen: RevocationPosition | undefined

  function position(): RevocationPosition {
    const row = database.get(readPosition)
    if (row === undefined) throw new Error('the row of the revocation feed is missing')
    return { epoch: text(row, 'epoch'), sequence: integer(row, 'sequence') }
  }

  function writeRevocations(revocations: readonly Revocation[], now: number): void {
    if (revocations.length === 0) return
    const declared = database.get(readLongest, { now })
    const longest = (declared && integerOrNull(declared, 'longest')) ?? undefined
    const steps = countSteps(revocations.length)
    const taken = database.get(takeSteps, { steps })
    if (taken === undefined) throw new Error('the row of the revocation feed is missing')
    const sequence = integer(taken, 'sequence') - steps
    const stored = placeRevocations(revocations, { sequence, now, writtenAt: clock(), longest })
    database.run(insert, { entries: JSON.stringify(stored) })
    // The transaction ends in this turn, with its commit or without.
    if (watchers.size > 0) setImmediate(look)
  }

  function look(): void {
    let found: RevocationPosition
    try {
      found = position()
    } catch {
      // Whoever reads the feed next is told.
      return
    }
    if (found.sequence === seen?.sequence && found.epoch === seen.epoch) return
    seen = found
    for (const changed of watchers) changed()
  }

  return {
    writeRevocations,

    async readRevocationSteps(sequence) {
      return database.snapshot(() => {
        const now = clock()
        const stored = database.all(readSteps, { sequence }).map(storedEntry)
        return { position: position(), now, steps: wholeSteps(stored, now) }
      })
    },

    async readRevocationPage({ after, upTo, limit }) {
      return database.snapshot(() => {
        const from = { afterSequence: after?.sequence ?? 0, afterPlace: after?.place ?? 0 }
        const stored = database.all(readPage, { ...from, upTo, limit, now: clock() }).map(storedEntry)
        return pageOf(stored, limit, position())
      })
    },

    async claimsChangedAt(userId) {
      const row = database.get(readClaimsChange, { userId, now: clock() })
      return (row && integerOrNull(row, 'changed_at')) ?? undefined
    },

    async addRevocation({ kind, id, now, event }) {
      await database.transaction(() => {
        writeRevocations([{ kind, id }], now)
        if (event !== undefined) writeEvent(database, event)
      })
    },

    async startRevocationEpoch(epoch) {
      await database.transaction(() => database.run('UPDATE revocation_feed SET epoch = :epoch', { epoch }))
      setImmediate(look)
    },

    async declareAccessLifetime(lifetime) {
      await database.transaction(() => {
        database.run('DELETE FROM access_lifetimes WHERE until <= :now', { now: clock() })
        writeLifetime(database, lifetime)
      })
    },

    async removeEndedRevocations(limit) {
      return database.transaction(() => database.run(removeEnded, { now: clock(), limit }))
    },

    watchRevocations(changed) {
      watchers.add(changed)
      looking ??= setInterval(look, lookMilliseconds).unref()
      return () => {
        watchers.delete(changed)
        if (watchers.size > 0) return
        clearInterval(looking)
        looking = undefined
        seen = undefined
      }
    },
  }
}
