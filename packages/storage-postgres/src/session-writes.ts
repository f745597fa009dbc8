import type { SessionMove, SessionStore } from '@pawl/server'
import { flag, integer, writtenIdBytes } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import { keyIdBytes } from '@pawl/server/stored-records'
import type { Database } from './database.ts'
import { type Gather, gather, notYet } from './gather.ts'
import { isLive, usedColumn, writtenSessionKey } from './session-columns.ts'
import type { Statement, Value } from './statement.ts'

/** The writes of a refresh and of a peek: all that can happen to a session while it lives. */
export type SessionWrites = Pick<SessionStore, 'moveSession' | 'countRepeat' | 'countPeek'>

type Scalar = Exclude<Value, readonly unknown[]>

/** The columns of one write as it is sent, with their types; those that do not concern it are null. */
const columns = {
  id: 'uuid',
  expected: 'bigint',
  now: 'bigint',
  moves: 'boolean',
  repeats: 'boolean',
  generation: 'bigint',
  token_hash: 'bytea',
  refresh_key_id: 'bytea',
  recent: 'bytea',
  idle_expires_at: 'bigint',
  address: 'text',
  user_agent: 'text',
  holder: 'bytea',
  lost_since: 'bigint',
  event: 'text',
} as const

const columnNames = Object.keys(columns).filter((name): name is keyof typeof columns => name in columns)

type SessionWrite = Readonly<Record<keyof typeof columns, Scalar>> & { readonly id: string }

/** A flush holds at most so many: it locks their rows, and others wait as long as it takes. */
const mostTogether = 200

const holderAt = (place: number): string => `substr(sessions.repeat_holders, ${place * 4 + 1}, 4)`

// The last place stays empty while there is room.
const holders = `
  CASE WHEN asked.moves THEN '\\x${'00'.repeat(16)}'::bytea
    WHEN asked.holder IS NULL OR ${holderAt(3)} <> '\\x00000000'::bytea
      OR asked.holder IN (${[0, 1, 2].map(holderAt).join(', ')}) THEN sessions.repeat_holders
    ELSE asked.holder || substr(sessions.repeat_holders, 1, 12) END`

/**
 * All writes of a flush, each under its own condition, and what goes with those that were made, in one statement: no
 * BEGIN, no check before the write.
 *
 * Rows are locked in the order of their ids before any is changed. A row that somebody else has locked is left out
 * rather than waited for, so no statement ever waits for a session while it holds another, and none can deadlock; it goes
 * into the next flush. Only rows that were locked are changed, and the condition is judged on the row as it is then. The
 * answers come back by the place in the flush, never by session.
 */
function flushing(schema: string): Statement {
  const arrays = Object.values(columns).map((type, index) => `$${index + 1}::${type}[]`)
  const kept = (column: string): string => `${column} = coalesce(asked.${column}, sessions.${column})`
  return {
    name: 'write_sessions',
    text: `
      WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS asked (${columnNames.join(', ')}, place)
      ),
      locked AS MATERIALIZED (
        SELECT asked.place, sessions.id
        FROM "${schema}".sessions JOIN asked ON asked.id = sessions.id
        ORDER BY sessions.id FOR NO KEY UPDATE OF sessions SKIP LOCKED
      ),
      written AS (
        UPDATE "${schema}".sessions SET
          ${['generation', 'token_hash', 'refresh_key_id', 'recent', 'idle_expires_at'].map(kept).join(', ')},
          last_used_at = CASE WHEN asked.moves THEN asked.now ELSE sessions.last_used_at END,
          repeats = CASE WHEN asked.moves THEN 0 WHEN asked.repeats THEN sessions.repeats + 1
            ELSE sessions.repeats END,
          peeks = CASE WHEN asked.moves THEN 0 WHEN asked.repeats THEN sessions.peeks ELSE sessions.peeks + 1 END,
          repeat_holders = ${holders},
          used_address = CASE WHEN asked.moves THEN ${usedColumn('asked.address', 'sessions.opened_address')}
            ELSE sessions.used_address END,
          used_user_agent = CASE WHEN asked.moves THEN ${usedColumn('asked.user_agent', 'sessions.opened_user_agent')}
            ELSE sessions.used_user_agent END
        FROM locked JOIN asked ON asked.place = locked.place
        WHERE sessions.id = locked.id AND sessions.generation = asked.expected
          AND sessions.generation <= coalesce(asked.generation, asked.expected)
          AND ${isLive('asked.now')}
        RETURNING asked.place
      ),
      told AS (
        INSERT INTO "${schema}".security_events (document)
        SELECT asked.event FROM written JOIN asked ON asked.place = written.place
        WHERE asked.event IS NOT NULL ORDER BY asked.place
      ),
      shown AS (
        SELECT max(asked.now) AS noticed_at, array_agg(asked.lost_since) AS intact
        FROM written JOIN asked ON asked.place = written.place WHERE asked.lost_since IS NOT NULL
      ),
      noted AS (
        UPDATE "${schema}".lost_writes SET
          sessions = lost_writes.sessions + ${newLosses('count(*)')},
          noticed_at = greatest(lost_writes.noticed_at, shown.noticed_at),
          intact_until = greatest(lost_writes.intact_until, ${newLosses('max(intact)')})
        FROM shown WHERE ${newLosses('count(*)')} > 0
      )
      SELECT place, true AS is_written FROM written
      UNION ALL
      SELECT place, false FROM asked
      WHERE NOT EXISTS (SELECT FROM locked WHERE locked.place = asked.place)
        AND EXISTS (SELECT FROM "${schema}".sessions WHERE sessions.id = asked.id)`,
  }
}

/** Of the losses that a flush has shown, those that nobody has settled yet. */
function newLosses(aggregate: string): string {
  return `(SELECT ${aggregate} FROM unnest(shown.intact) AS intact
    WHERE lost_writes.settled_at IS NULL OR intact > lost_writes.settled_at)`
}

/** What a write leaves alone. */
const untouched = {
  moves: false,
  repeats: false,
  generation: null,
  token_hash: null,
  refresh_key_id: null,
  recent: null,
  idle_expires_at: null,
  address: null,
  user_agent: null,
  holder: null,
  lost_since: null,
  event: null,
} as const

function moving(move: SessionMove): SessionWrite {
  return {
    ...untouched,
    ...conditionOf(move),
    moves: true,
    generation: move.generation,
    token_hash: move.tokenHash,
    refresh_key_id: writtenIdBytes(move.refreshKeyId, keyIdBytes),
    recent: move.recent,
    idle_expires_at: move.idleExpiresAt,
    address: move.usedFrom.address,
    user_agent: move.usedFrom.userAgent,
    lost_since: move.lostSince ?? null,
  }
}

function conditionOf(write: Pick<SessionMove, 'id' | 'expectedGeneration' | 'now' | 'event'>) {
  return {
    id: writtenSessionKey(write.id),
    expected: write.expectedGeneration,
    now: write.now,
    event: write.event === undefined ? null : eventDocument(write.event),
  }
}

/** A copy of what a caller may change before it is sent. */
function detached(write: SessionWrite): SessionWrite {
  const { token_hash, recent, holder } = write
  const copied = (value: Scalar): Scalar => (value instanceof Uint8Array ? new Uint8Array(value) : value)
  return { ...write, token_hash: copied(token_hash), recent: copied(recent), holder: copied(holder) }
}

/** The writes of sessions in PostgreSQL, with what must be waited for before the connections are closed. */
export function sessionWrites(
  database: Database,
  schema: string,
  monotonic: () => number,
): { readonly writes: SessionWrites; readonly settled: () => Promise<void> } {
  const flush = flushing(schema)

  async function send(asks: readonly SessionWrite[]): Promise<readonly (boolean | typeof notYet)[]> {
    const rows = await database.change(
      flush,
      columnNames.map((name) => asks.map((ask) => ask[name])),
    )
    const told = new Map(rows.map((row) => [integer(row, 'place'), flag(row, 'is_written')]))
    // A row that is told of and was not written was locked by somebody else; of one that is not told of the condition
    // failed, or it is not there.
    return asks.map((_, index) => (told.get(index + 1) === false ? notYet : told.has(index + 1)))
  }

  const lane: Gather<SessionWrite, boolean> = gather({ send, most: mostTogether, keyOf: ({ id }) => id, monotonic })

  return {
    settled: lane.settled,
    writes: {
      moveSession: async (move) => lane.ask(detached(moving(move))),
      countRepeat: async (repeat) =>
        lane.ask(detached({ ...untouched, ...conditionOf(repeat), repeats: true, holder: repeat.holder ?? null })),
      countPeek: async (peek) => lane.ask({ ...untouched, ...conditionOf(peek) }),
    },
  }
}
