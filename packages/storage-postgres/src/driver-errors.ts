import { isStorageUnavailable, type StorageUnavailable, storageUnavailable } from '@pawl/server/storage-unavailable'
import { DatabaseError } from 'pg'

/**
 * Classes of SQLSTATE that blame the statement or its values. Every other one blames the connection, the server or its
 * resources, as do errors without a SQLSTATE (sockets, timeouts), and becomes a StorageUnavailable.
 */
const statementFaults: ReadonlySet<string> = new Set([
  '21', // cardinality violation
  '22', // data exception
  '23', // integrity constraint violation
  '42', // syntax error or access rule violation
  '44', // WITH CHECK OPTION violation
  '54', // program limit exceeded
  'P0', // PL/pgSQL error: a trigger of the operator's own
])

/** What the server says of two transactions that were in each other's way; each was rolled back as a whole. */
const conflicts: ReadonlySet<string> = new Set(['40001', '40P01'])

/** After these a connection is as good as before. */
const harmless: ReadonlySet<string> = new Set([...conflicts, '55P03', '57014'])

/**
 * These blame the store although their class blames the statement: somebody took the tables away, or the right to use
 * them. No token is to blame for that, and once it is put right the same request may be sent again.
 */
const storeFaults: ReadonlySet<string> = new Set(['42P01', '3F000', '42501'])

/** What an operator is told instead of the usual sentence. */
const explanations: ReadonlyMap<string, string> = new Map([
  ['25006', 'the database takes no writes: it is a standby, or read-only'],
  ['28000', 'the database refused the user of its URL'],
  ['28P01', 'the database refused the password of its URL'],
  ['3D000', 'there is no database of the name that its URL holds'],
  [
    '42P01',
    'a table of Pawl is missing: was its schema dropped or renamed? pawl migrate makes a new one, without the sessions',
  ],
  ['42501', 'the user of the URL may not use the tables of Pawl: see the owner of the schema, and its grants'],
  ['53300', 'the database has no connection left: see max_connections, and the connections of each node'],
])

/** The SQLSTATE of an error that came from the server. */
export function stateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

/** The SQLSTATE that a {@link StorageUnavailable} came from. */
export function stateBehind(error: unknown): string | undefined {
  const cause = isStorageUnavailable(error) ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

/** Whether an error tells of two transactions that met: the same one, sent again, may well succeed. */
export function isConflict(error: unknown): boolean {
  return conflicts.has(stateBehind(error) ?? '')
}

/** Whether the server has no connection left to give. */
export function isCrowdedOut(error: unknown): boolean {
  return stateOf(error) === '53300'
}

/** Whether nobody can say what a connection is good for after this. */
export function spoilsConnection(error: unknown): boolean {
  const state = stateOf(error)
  return state === undefined || !(harmless.has(state) || statementFaults.has(state.slice(0, 2)))
}

function blamesStatement(state: string): boolean {
  return statementFaults.has(state.slice(0, 2)) && !storeFaults.has(state)
}

/** What a caller may see of an error of the driver. */
export function classified(error: unknown): Error {
  const state = stateOf(error)
  if (state === undefined) return storageUnavailable(error)
  const described = describedError(error, state)
  return blamesStatement(state) ? described : unavailable(described, state)
}

function unavailable(described: Error, state: string): StorageUnavailable {
  return storageUnavailable(described, explanations.get(state))
}

/** The server's DETAIL and CONTEXT can hold whole rows, a session's seed among them. They stay here. */
function describedError(error: unknown, state: string): Error {
  const message = error instanceof Error && !state.startsWith('22') ? error.message : 'a value cannot be stored'
  return Object.assign(new Error(`${message} (${state})`), { code: state })
}

/** A read that was answered by a standby, whose rows may lie behind those of the primary: nothing is decided on it. */
export function standbyRefused(): StorageUnavailable {
  return writesRefused('pg_is_in_recovery() is true')
}

/** What the server would say of the first write, found out without one. */
export function writesRefused(because: string): StorageUnavailable {
  return unavailable(new Error(because), '25006')
}

/** What the server would say of the first statement that needs one of these rights. */
export function rightsMissing(rights: readonly string[]): StorageUnavailable {
  return unavailable(new Error(`no right to ${rights.join('; ')}`), '42501')
}
