import type pg from 'pg'
import { askFigures } from '../database/figures.ts'

/** The schema that the engine makes. */
export const schema = 'pawl'

/**
 * Copies every session of a database, and one of its users, so often that there are many: each copy has an id, bytes and a
 * user of its own, and takes exactly as many bytes as what it is a copy of.
 *
 * @param wanted.times how many there are afterwards of each session
 * @param wanted.users how many users are added
 * @throws Error when the copies take another number of bytes
 */
export async function copySessions(
  client: pg.Client,
  wanted: { readonly times: number; readonly users: number },
): Promise<void> {
  const { times, users } = wanted
  const before = await rowBytes(client)
  await copyRows(client, {
    from: `(SELECT * FROM ${schema}.users ORDER BY number LIMIT 1) AS original`,
    into: 'users',
    times: users,
    drawn: new Map([
      ['id', "'copy-' || lpad(copy::text, 9, '0')"],
      ['username', "'copied.' || lpad(copy::text, 7, '0') || '@example.com'"],
      ['username_key', "'copied.' || lpad(copy::text, 7, '0') || '@example.com'"],
    ]),
  })
  const { first } = await askFigures(
    client,
    ['first'],
    `SELECT min(number) AS first FROM ${schema}.users WHERE id LIKE 'copy-%'`,
  )
  await copyRows(client, {
    from: `${schema}.sessions`,
    into: 'sessions',
    times: times - 1,
    drawn: new Map([
      ['user_number', `${first} + floor(random() * ${users})::bigint`],
      ['id', 'gen_random_uuid()'],
      ['token_hash', 'sha256(token_hash || int8send(copy))'],
      ['seed', 'sha256(seed || int8send(copy))'],
      ['created_at', 'created_at + 100000 * copy'],
      ['absolute_expires_at', 'absolute_expires_at + 100000 * copy'],
    ]),
  })
  const after = await rowBytes(client)
  if (after.count !== before.count * times || after.bytes !== before.bytes * times) {
    throw new Error(`${after.count} sessions take ${after.bytes} bytes, ${before.count} of them ${before.bytes}`)
  }
}

function rowBytes(client: pg.Client) {
  return askFigures(
    client,
    ['count', 'bytes'],
    `SELECT count(*) AS count, sum(pg_column_size(sessions.*)) AS bytes FROM ${schema}.sessions`,
  )
}

async function copyRows(
  client: pg.Client,
  copies: {
    readonly from: string
    readonly into: string
    readonly times: number
    /** Columns that differ from copy to copy, in SQL; `copy` counts them from 1. */
    readonly drawn: ReadonlyMap<string, string>
  },
): Promise<void> {
  const { from, into, times, drawn } = copies
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
    WHERE attrelid = '${schema}.${into}'::regclass AND attnum > 0 AND attidentity = '' AND NOT attisdropped`,
  )
  const columns = rows.map(({ name }) => name)
  await client.query(
    `INSERT INTO ${schema}.${into} (${columns.join(', ')})
    SELECT ${columns.map((name) => drawn.get(name) ?? name).join(', ')}
    FROM ${from}, generate_series(1, ${times}) AS copy ORDER BY copy`,
  )
}
