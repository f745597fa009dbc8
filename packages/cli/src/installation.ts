import { createPawl, type Pawl, type PawlConfiguration, readConfiguration } from '@pawl/server'
import { postgresStorage } from '@pawl/storage-postgres'
import type { Terminal } from './terminal.ts'

/**
 * The server that environment and flags describe, on whichever engine they name. Nothing is opened yet.
 *
 * @param flags by field name; they win over the environment
 * @throws ConfigurationError naming every setting that does not fit
 */
export function openInstallation(
  { environment }: Pick<Terminal, 'environment'>,
  flags: Readonly<Record<string, unknown>> = {},
  more: PawlConfiguration = {},
): Pawl {
  return createPawl({ ...readConfiguration({ environment, flags }), postgres: postgresStorage, ...more })
}
