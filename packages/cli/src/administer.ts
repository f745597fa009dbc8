import type { Administration } from '@pawl/server'
import type { Command } from 'commander'
import { openInstallation } from './installation.ts'
import { type Outcome, type OutputOptions, report } from './output.ts'
import type { Terminal } from './terminal.ts'

/** What a command is built with. */
export interface Surroundings {
  readonly terminal: Terminal
  /** Notes the exit status of the command. */
  readonly exitWith: (status: number) => void
}

/** Builds one command. */
export type CommandBuilder = (surroundings: Surroundings) => Command

/**
 * Runs work on the store that the environment names, whether or not a server runs on it, prints the outcome, and lets
 * go of the store.
 */
export async function administer(
  surroundings: Surroundings,
  options: OutputOptions,
  work: (administration: Administration) => Promise<Outcome>,
): Promise<void> {
  const { terminal, exitWith } = surroundings
  const pawl = openInstallation(terminal)
  try {
    exitWith(report(await work(pawl.administration), options, terminal))
  } finally {
    await pawl.close()
  }
}
