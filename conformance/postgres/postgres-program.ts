import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { folderOf } from '../../checks/machine-packages.ts'
import type { Account } from './unprivileged-account.ts'

/**
 * Path of a program that comes with PostgreSQL, such as `pg_dump`.
 *
 * @throws Error when this machine has none
 */
export function postgresProgram(name: string): string {
  const folder = folderOf('postgresql')
  if (folder === undefined) throw new Error('this machine has no PostgreSQL: apt-get install postgresql')
  return join(folder, name)
}

/**
 * Runs one to its end.
 *
 * @param account whose rights it has; default: this process's
 * @throws Error with what it said, when it fails
 */
export async function runPostgresProgram(name: string, words: readonly string[], account?: Account): Promise<void> {
  const { uid, gid, environment } = account ?? { uid: undefined, gid: undefined, environment: process.env }
  const options = { cwd: '/', env: environment, ...(uid !== undefined && { uid, gid }) }
  await promisify(execFile)(postgresProgram(name), words, options)
}
