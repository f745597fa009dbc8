import type pg from 'pg'
import { z } from 'zod'

/**
 * Asks for figures by one row of SQL whose columns are named for them; bigint and numeric come as numbers.
 *
 * @throws ZodError when one of them is missing or no number
 */
export async function askFigures<Name extends string>(
  client: pg.Client,
  names: readonly Name[],
  sql: string,
): Promise<Readonly<Record<Name, number>>> {
  const { rows } = await client.query<object>(sql)
  return z.record(z.enum(names), z.coerce.number()).parse(rows[0])
}
