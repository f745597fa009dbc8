import type { AccessLifetime, Clock, EntryPlace, Revocation, RevocationStore } from '@pawl/server'
import { integer, integerOrNull, isStorable, text } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import {
  countSteps,
  entriesAtOnce,
  pageOf,
  placeRevocations,
  storedEntry,
  wholeSteps,
} from '@pawl/server/stored-revocations'
import { type ChangeWatch, channelOf } from './change-watch.ts'
import type { Database, Reading } from './database.ts'
import { writingEvent } from './events.ts'
import { instant, type Run, reading, type Statement } from './statement.ts'

/**
 * Puts what ended into the feed, inside the transaction of the change, after everything else that waits for a lock. The
 * row of the feed is the last one that a transaction locks, and it holds it to its commit: so steps become visible in
 * their order, and no two transactions wait for each other.
 */
export type WriteRevocations = (run: Run, revocations: readonly Revocation[], now: number) => Promise<void>

/** The way into the feed for the changes that belong there. */
export function writingRevocations(schema: string, clock: Clock | undefined): WriteRevocations {
  // A statement of its own, after the one that locked the sessions: so it sees every lifetime that was declared before
  // any of their tokens was issued.
  const take: Statement = {
    name: 'take_revocation_steps',
    text: `
      WITH taken AS (UPDATE "${schema}".revocation_feed SET sequence = sequence + $2::bigint RETURNING sequence)
      SELECT taken.sequence, ${instant} AS written_at,
        (SELECT max(milliseconds) FROM "${schema}".access_lifetimes WHERE until > $3::bigint) AS longest
      FROM taken`,
  }
  const write: Statement = {
    name: 'write_revocations',
    text: `
      WITH written AS (
        INSERT INTO "${schema}".revocation_entries (sequence, place, at, until, kind, id)
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
        RETURNING sequence
      )
      SELECT pg_notify($7, 'revocations ' || max(sequence)) FROM written`,
  }
  return async (run, revocations, now) => {
    if (revocations.length === 0) return
    const steps = countSteps(revocations.length)
    const [taken] = await run(take, [clock?.() ?? null, steps, now])
    if (taken === undefined) throw new Error('the row of the revocation feed is missing')
    const longest = integerOrNull(taken, 'longest') ?? undefined
    const [sequence, writtenAt] = [integer(taken, 'sequence') - steps, integer(taken, 'written_at')]
    const stored = placeRevocations(revocations, { sequence, now, writtenAt, longest })
    await run(write, [
      stored.map(({ sequence }) => sequence),
      stored.map(({ place }) => place),
      stored.map(({ entry }) => entry.at),
      stored.map(({ entry }) => entry.until),
      stored.map(({ entry }) => entry.kind),
      stored.map(({ entry }) => entry.id),
      channelOf(schema),
    ])
  }
}

/** {@link RevocationStore.declareAccessLifetime} as a statement: `$1` milliseconds, `$2` until when. */
export function declaringLifetime(schema: string): Statement {
  return {
    name: 'declare_access_lifetime',
    text: `
      INSERT INTO "${schema}".access_lifetimes AS known (milliseconds, until) VALUES ($1, $2)
      ON CONFLICT (milliseconds) DO UPDATE SET until = greatest(known.until, excluded.until)`,
  }
}

const entryColumns = 'sequence, place, kind, id, at, until'

/** Entries of a condition, in order, beside the position, which is there also where no entry is. */
function readingEntries(schema: string, name: string, condition: string, most: string): Statement {
  return reading(
    name,
    `SELECT feed.epoch, feed.sequence AS newest, entries.*
    FROM "${schema}".revocation_feed AS feed LEFT JOIN LATERAL (
      SELECT ${entryColumns} FROM "${schema}".revocation_entries WHERE ${condition}
      ORDER BY sequence, place LIMIT ${most}
    ) AS entries ON true
    ORDER BY entries.sequence, entries.place`,
  )
}

function shown({ rows }: Reading) {
  const [first] = rows
  if (first === undefined) throw new Error('the row of the revocation feed is missing')
  return {
    position: { epoch: text(first, 'epoch'), sequence: integer(first, 'newest') },
    stored: rows.filter((row) => row['sequence'] !== null).map(storedEntry),
  }
}

/** The feed in PostgreSQL. */
export function postgresRevocations(
  database: Database,
  schema: string,
  { watch, writeRevocations }: { readonly watch: ChangeWatch; readonly writeRevocations: WriteRevocations },
): RevocationStore {
  const writeEvent = writingEvent(schema)
  const declare = declaringLifetime(schema)
  const steps = readingEntries(schema, 'read_revocation_steps', 'sequence > $2::bigint', String(entriesAtOnce))
  const page = readingEntries(
    schema,
    'read_revocation_page',
    '(sequence, place) > ($2::bigint, $3::bigint) AND sequence <= $4::bigint AND until > asked.now',
    '$5::bigint',
  )
  const claimsChange = reading(
    'read_claims_change',
    `SELECT max(at) AS changed_at FROM "${schema}".revocation_entries
    WHERE kind = 'claims' AND id = $2 AND until > asked.now`,
  )
  const startEpoch: Statement = {
    name: 'start_revocation_epoch',
    text: `
      WITH started AS (UPDATE "${schema}".revocation_feed SET epoch = $1 RETURNING epoch)
      SELECT pg_notify($2, 'revocations ' || epoch) FROM started`,
  }
  const forgetLifetimes: Statement = {
    name: 'forget_access_lifetimes',
    text: `DELETE FROM "${schema}".access_lifetimes WHERE until <= ${instant}`,
  }
  const removeEnded: Statement = {
    name: 'remove_ended_revocations',
    text: `
      WITH ended AS MATERIALIZED (
        SELECT sequence, place FROM "${schema}".revocation_entries WHERE until <= ${instant}
        ORDER BY until LIMIT $2::bigint FOR UPDATE SKIP LOCKED
      )
      DELETE FROM "${schema}".revocation_entries AS entries USING ended
      WHERE entries.sequence = ended.sequence AND entries.place = ended.place RETURNING true AS is_removed`,
  }

  return {
    async readRevocationSteps(sequence) {
      const read = await database.read(steps, [sequence])
      const { position, stored } = shown(read)
      return { position, now: read.now, steps: wholeSteps(stored, read.now) }
    },

    async readRevocationPage({ after, upTo, limit }) {
      const from: EntryPlace = after ?? { sequence: 0, place: 0 }
      const { position, stored } = shown(await database.read(page, [from.sequence, from.place, upTo, limit]))
      return pageOf(stored, limit, position)
    },

    async claimsChangedAt(userId) {
      if (!isStorable(userId)) return undefined
      const { rows } = await database.read(claimsChange, [userId])
      const [row] = rows
      return (row && integerOrNull(row, 'changed_at')) ?? undefined
    },

    async addRevocation({ kind, id, now, event }) {
      await database.transaction(
        async (run) => {
          await writeRevocations(run, [{ kind, id }], now)
          if (event !== undefined) await run(writeEvent, [eventDocument(event)])
        },
        { durable: true },
      )
    },

    async startRevocationEpoch(epoch) {
      await database.change(startEpoch, [epoch, channelOf(schema)])
    },

    async declareAccessLifetime({ milliseconds, until }: AccessLifetime) {
      await database.changeNow(forgetLifetimes, [])
      await database.change(declare, [milliseconds, until])
    },

    async removeEndedRevocations(limit) {
      return (await database.changeNow(removeEnded, [limit])).length
    },

    watchRevocations: (changed) => watch.onChange(changed),
  }
}
