import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { familyOf } from '../../conformance/postgres/process-family.ts'

/**
 * Gives the database one core and this process another, so that neither is measured while the other has its core. Whatever
 * they start later stays there, too.
 *
 * @param database process id of the database's first process
 * @returns what was done, for the table's heading
 */
export function pinApart(database: number): string {
  if (availableParallelism() < 2) return 'database and client share the one core'
  const done = [pinFamily(database, 0), pin(process.pid, 1)]
  return done.every(Boolean) ? 'database on core 0, client on core 1' : 'not pinned: this machine has no taskset'
}

/** Gives a process and its children one core. Says whether that could be done. */
export function pinFamily(id: number, core: number): boolean {
  return familyOf(id)
    .map((member) => pin(member, core))
    .every(Boolean)
}

/** Gives a process, all its threads, one core. Says whether that could be done. */
export function pin(id: number, core: number): boolean {
  return spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(id)]).status === 0
}
