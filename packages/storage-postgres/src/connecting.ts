import { flag, integer, text } from '@pawl/server/stored-columns'
import { Client } from 'pg'
import { type DatabaseLocation, parseValues } from './connection-settings.ts'
import { classified, standbyRefused, stateOf } from './driver-errors.ts'

/** The oldest server that has all that the statements here use. */
const oldestServer = 130_000

/** In any other one a look for a name that it cannot spell is an error, where it had to find nobody. ASCII keeps all bytes. */
const encodings: readonly string[] = ['UTF8', 'SQL_ASCII']

/** One connection beside the pool, and what it shows of the way to the server. */
export interface Connection {
  readonly client: Client
  /** Whether the way there takes settings at the start of a connection. */
  readonly startup: 'set' | 'bare'
  /** Whether somebody in between shares connections among clients: nothing lasts from one transaction to the next. */
  readonly pooled: boolean
}

const look = `
  SELECT pg_backend_pid() AS process, current_setting('server_version_num')::integer AS version,
    current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS on_standby`

/** What a pooler says of a setting at the start of a connection that it does not know: protocol violation. */
const startupRefused = '08P01'

/**
 * Connects to a primary.
 *
 * @throws StorageUnavailable when nobody answers, or a standby does; Error when the server is too old, or its encoding poor
 */
export async function connectTo(location: DatabaseLocation): Promise<Connection> {
  const connection = await tried(location, 'set').catch((error: unknown) => {
    if (stateOf(error) !== startupRefused) throw classified(error)
    return tried(location, 'bare').catch((refusal: unknown) => {
      throw classified(refusal)
    })
  })
  try {
    return { ...connection, pooled: await isPooled(connection.client) }
  } catch (error) {
    await disconnect(connection.client)
    throw error
  }
}

/** Lets go of a connection, also of one that is broken already. */
export async function disconnect(client: Client): Promise<void> {
  await client.end().catch(() => {})
}

async function tried(location: DatabaseLocation, startup: 'set' | 'bare'): Promise<Omit<Connection, 'pooled'>> {
  const client = new Client(location.settings(startup))
  // Without a listener an error of the idle connection would end the process; the next statement meets it anyway.
  client.on('error', () => {})
  parseValues(client)
  try {
    await client.connect()
  } catch (error) {
    await disconnect(client)
    throw error
  }
  return { client, startup }
}

/** A server tells a client the number of its process; a pooler that hands out other people's connections makes one up. */
async function isPooled(client: Client): Promise<boolean> {
  const seen = await client.query(look).catch((error: unknown) => {
    throw classified(error)
  })
  const row = seen.rows[0]
  if (integer(row, 'version') < oldestServer) throw new Error('PostgreSQL 13 or newer is needed')
  const encoding = text(row, 'encoding')
  if (!encodings.includes(encoding))
    throw new Error(
      `the database's encoding is ${encoding}, which lacks characters that names have: make one with UTF8`,
    )
  if (flag(row, 'on_standby')) throw standbyRefused()
  const told = 'processID' in client ? client.processID : undefined
  return told !== integer(row, 'process')
}
