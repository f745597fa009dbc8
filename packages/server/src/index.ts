export type {
  Administration,
  ClientListing,
  ListSessionsOutcome,
  SessionListing,
  StorageCheck,
  TokenInspection,
  UserListing,
} from './administration.ts'
export { checkFiles, type FilesReport } from './configuration/check-files.ts'
export { ConfigurationError, describeProblem } from './configuration/configuration-error.ts'
export { readConfiguration } from './configuration/read-environment.ts'
export type { ConfigurationProblem, PawlConfiguration, SettingName, Settings } from './configuration/settings.ts'
export { type SettingRow, settingNames, settingsTable } from './configuration/settings-table.ts'
export { memoryStorage, sqliteStorage } from './engines.ts'
export type { ClaimsHook, ClaimsSubject } from './grants/application-claims.ts'
export { createLogger } from './log.ts'
export {
  type FetchHandler,
  type Listener,
  type ListenOptions,
  listen,
  type NodeHandler,
  type TransportLog,
  toNodeHandler,
} from './node-listener.ts'
export { createPawl, demoRole, demoUsername, type Pawl } from './server.ts'
export type { Storage } from './storage/store-ports.ts'
export type { Authenticate } from './users/external-user.ts'
