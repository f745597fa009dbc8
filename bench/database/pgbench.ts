import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { folderOf } from '../../checks/machine-packages.ts'
import { pin } from '../measuring/pinning.ts'
import type { MeasuredCluster } from './measured-cluster.ts'

const rows = 100_000

/** Makes the table whose rows are changed by {@link updatesPerSecond}. */
export async function prepareUpdates({ client }: MeasuredCluster): Promise<void> {
  await client.query('CREATE TABLE IF NOT EXISTS floor_rows (id int PRIMARY KEY, generation int NOT NULL, hash bytea)')
  await client.query(
    `INSERT INTO floor_rows SELECT id, 0, sha256(id::text::bytea) FROM generate_series(1, ${rows}) AS id ON CONFLICT DO NOTHING`,
  )
}

/**
 * How many rows per second PostgreSQL's own bench changes, each in a transaction of its own, by sixteen clients.
 *
 * @param folder where a file may be written
 */
export async function updatesPerSecond(
  { url }: MeasuredCluster,
  given: { readonly seconds: number; readonly core: number; readonly folder: string },
): Promise<number> {
  const script = join(given.folder, 'update.sql')
  await writeFile(
    script,
    `\\set id random(1, ${rows})\nUPDATE floor_rows SET generation = generation + 1, hash = sha256('a') WHERE id = :id;\n`,
  )
  const words = [
    '--no-vacuum',
    '--client=16',
    `--time=${given.seconds}`,
    '--protocol=prepared',
    `--file=${script}`,
    url,
  ]
  const program = spawn(join(folderOf('postgresql') ?? '', 'pgbench'), words, { stdio: ['ignore', 'pipe', 'inherit'] })
  if (program.pid !== undefined) pin(program.pid, given.core)
  const report = await text(program.stdout)
  const found = /^tps = ([\d.]+)/m.exec(report)?.[1]
  if (found === undefined) throw new Error(`pgbench reported no rate: ${report}`)
  return Number(found)
}
