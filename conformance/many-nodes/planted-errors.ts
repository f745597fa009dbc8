import type { Cluster } from '../postgres/cluster.ts'
import { rowsOf } from '../postgres/own-database.ts'

const make = `
  CREATE SCHEMA IF NOT EXISTS planted;
  CREATE TABLE IF NOT EXISTS planted.errors (code text NOT NULL, times bigint NOT NULL);
  CREATE SEQUENCE IF NOT EXISTS planted.met;
  CREATE OR REPLACE FUNCTION planted.fail() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE planted record;
    BEGIN
      SELECT * INTO planted FROM planted.errors;
      -- A sequence counts on, though what counted is rolled back.
      IF nextval('planted.met') <= planted.times THEN
        RAISE EXCEPTION 'planted' USING ERRCODE = planted.code;
      END IF;
      RETURN NEW;
    END $$;
  CREATE OR REPLACE TRIGGER planted BEFORE UPDATE ON pawl.sessions FOR EACH ROW EXECUTE FUNCTION planted.fail();
  ALTER SEQUENCE planted.met RESTART;
  DELETE FROM planted.errors`

/** Has the next so many writes to sessions fail with an SQLSTATE, each with its whole statement. */
export async function plantErrors({ url }: Cluster, code: string, times: number): Promise<void> {
  await rowsOf(url, make)
  await rowsOf(url, 'INSERT INTO planted.errors VALUES ($1, $2)', [code, times])
}

/** How many of them nobody has met yet. */
export async function plantedErrorsLeft({ url }: Cluster): Promise<number> {
  const left = 'SELECT greatest(times - last_value, 0) AS count FROM planted.errors, planted.met'
  const [row] = await rowsOf(url, left)
  return Number(row?.['count'])
}
