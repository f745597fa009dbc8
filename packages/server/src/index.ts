export type { ClaimsOf } from '@pawl/protocol'
export type {
  Administration,
  ClientListing,
  ListSessionsOutcome,
  SessionListing,
  StorageCheck,
  TokenInspection,
  UserListing,
} from './administration.ts'
export type { Consent, ConsentStore } from './authorizations/consent-store.ts'
export type { Ticket, TicketKind, TicketStore } from './authorizations/ticket-store.ts'
export type { DocumentReading, DocumentRequest, FetchDocument, Reach } from './client-documents/fetch-document.ts'
export { checkFiles, type FilesReport } from './configuration/check-files.ts'
export { ConfigurationError, describeProblem } from './configuration/configuration-error.ts'
export { readDatabaseAddress } from './configuration/database-address.ts'
export { readConfiguration } from './configuration/read-environment.ts'
export type { ConfigurationProblem, PawlConfiguration, SettingName, Settings } from './configuration/settings.ts'
export { type SettingRow, settingNames, settingsTable } from './configuration/settings-table.ts'
export { memoryStorage, sqliteStorage } from './engines.ts'
export type { ClaimsHook, ClaimsSubject } from './grants/application-claims.ts'
export type { KeyStore, RefreshKeyRecord, SealedKeyReplacement, SigningKeyRecord } from './keys/key-store.ts'
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
export type { ClientRecord } from './registered-clients/client.ts'
export type { ClientStore } from './registered-clients/client-store.ts'
export type {
  EntryPlace,
  Revocation,
  RevocationPage,
  RevocationReading,
  RevocationStep,
  RevocationStore,
} from './revocations/revocation-store.ts'
export type { AccessLifetime } from './revocations/until-rule.ts'
export type { Clock } from './secrets/random.ts'
export type { EventStore } from './security-events/event-store.ts'
export type { Device, SecurityEvent, StoredSecurityEvent } from './security-events/security-event.ts'
export { createPawl, demoRole, demoUsername, type Pawl } from './server.ts'
export type { Storage, StorageDiagnosis } from './storage/store-ports.ts'
export type {
  Arrival,
  CarriedKind,
  CarriedRecords,
  TransferReader,
  TransferTarget,
  TransferWriter,
} from './storage/transfer.ts'
export type { FailureCount, FailureStore } from './throttling/failure-store.ts'
export type { LostWrites, LostWritesStore } from './tokens/lost-writes-store.ts'
export type { SessionRecord, SessionUser } from './tokens/session.ts'
export type {
  PeekCount,
  RepeatCount,
  SessionEnding,
  SessionMove,
  SessionReading,
  SessionStore,
} from './tokens/session-store.ts'
export type { Authenticate } from './users/external-user.ts'
export type { UserRecord } from './users/user.ts'
export type { UserStore } from './users/user-store.ts'
