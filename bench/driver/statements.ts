import type { Statement } from './drivers.ts'

/** A table of the shape and size that an engine's sessions have. */
export const createTable = `
  CREATE TABLE driver_sessions (
    id bytea PRIMARY KEY, generation bigint NOT NULL, token_hash bytea NOT NULL, recent bytea NOT NULL,
    created_at bigint NOT NULL, last_used_at bigint NOT NULL, idle_expires_at bigint NOT NULL,
    absolute_expires_at bigint NOT NULL, revoked_at bigint, address text NOT NULL, user_agent text NOT NULL
  ) WITH (fillfactor = 85)`

export const fillTable = (rows: number): string => `
  INSERT INTO driver_sessions
  SELECT decode(md5(number::text), 'hex'), 0, sha256(number::text::bytea), decode(repeat('00', 176), 'hex'),
    1.7e12, 1.7e12, 1.9e12, 1.9e12, NULL, '203.0.113.77', repeat('x', 120)
  FROM generate_series(1, ${rows}) AS number`

/** How an engine moves many sessions at once: locked in the order of their ids, told apart by their ordinals. */
function movingMany(name: string, wanted: string): Statement {
  return {
    name,
    text: `
      WITH wanted AS MATERIALIZED (${wanted}),
      locked AS MATERIALIZED (
        SELECT wanted.* FROM driver_sessions s JOIN wanted ON wanted.id = s.id
        ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED
      )
      UPDATE driver_sessions s SET generation = locked.expected + 1, token_hash = locked.token_hash,
        recent = locked.recent, last_used_at = locked.now, idle_expires_at = locked.idle_expires_at
      FROM locked
      WHERE s.id = locked.id AND s.generation = locked.expected AND s.revoked_at IS NULL
        AND s.idle_expires_at > locked.now AND s.absolute_expires_at > locked.now
      RETURNING locked.ordinal`,
  }
}

/** Every column is a list. */
export const moveMany: Statement = movingMany(
  'move-many',
  `SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[])
    WITH ORDINALITY AS w (id, expected, now, token_hash, recent, idle_expires_at, ordinal)`,
)

const piece = (parameter: number, bytes: number): string =>
  `substring($${parameter}::bytea FROM ((ordinal - 1) * ${bytes} + 1)::integer FOR ${bytes})`

/** What is of a fixed number of bytes comes joined, as one value, and is cut there. */
export const moveJoined: Statement = movingMany(
  'move-joined',
  `SELECT ${piece(1, 16)} AS id, expected, now, ${piece(4, 32)} AS token_hash, ${piece(5, 176)} AS recent,
    idle_expires_at, ordinal
  FROM unnest($2::bigint[], $3::bigint[], $6::bigint[]) WITH ORDINALITY AS w (expected, now, idle_expires_at, ordinal)`,
)

export const moveOne: Statement = {
  name: 'move-one',
  text: `
    UPDATE driver_sessions SET generation = $2::bigint + 1, token_hash = $4, recent = $5, last_used_at = $3,
      idle_expires_at = $6
    WHERE id = $1 AND generation = $2::bigint AND revoked_at IS NULL AND idle_expires_at > $3
      AND absolute_expires_at > $3 RETURNING id`,
}

export const readMany: Statement = {
  name: 'read-many',
  text: 'SELECT *, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now FROM driver_sessions WHERE id = ANY ($1::bytea[])',
}
