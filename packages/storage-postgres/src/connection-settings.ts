import type { Client, ClientConfig } from 'pg'

/** How long connecting, or waiting for a connection of the pool, may take. */
export const connectMilliseconds = 3000

/** How long a statement may take, by the server's measure. */
export const statementMilliseconds = 5000

/** How much longer the client waits than the server, so that a server that answers at all has the first word. */
const graceMilliseconds = 1000

/** How long the client waits for a statement that may take so long. */
export function waitFor(statementMilliseconds: number): number {
  return statementMilliseconds + graceMilliseconds
}

/**
 * What every connection is set to at its start. A pooler in transaction mode shares its connections and refuses such
 * settings; behind one, transactions set what they need themselves.
 */
const startupSettings = [
  `statement_timeout=${statementMilliseconds}`,
  `idle_in_transaction_session_timeout=${2 * statementMilliseconds}`,
  'default_transaction_isolation=read\\ committed',
]

/** Where a database is, checked for its form. */
export interface DatabaseLocation {
  /** How to connect, with {@link startupSettings} or without. */
  settings(startup: 'set' | 'bare'): ClientConfig
}

/**
 * Reads a database's URL.
 *
 * @throws TypeError when it is none; the error does not repeat it, for it may hold a password
 */
export function databaseLocation(url: string): DatabaseLocation {
  // A URL may name a user and leave out the host, which is then found otherwise: no browser would read such a one.
  const parsed = URL.parse(url.replace('@/', '@localhost/'))
  if (parsed === null || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new TypeError('the URL of a PostgreSQL database begins with postgres:// and holds host and database')
  }
  const given = parsed.searchParams.get('options')
  const own = startupSettings.map((setting) => `-c ${setting}`).join(' ')

  function connectionString(startup: 'set' | 'bare'): string {
    if (startup === 'bare') return url
    // What the URL sets comes last, and so wins; of two parameters of one name the driver takes the second.
    const options = encodeURIComponent(given === null ? own : `${own} ${given}`)
    return `${url}${url.includes('?') ? '&' : '?'}options=${options}`
  }

  return {
    settings: (startup) => ({
      connectionString: connectionString(startup),
      fallback_application_name: 'pawl',
      connectionTimeoutMillis: connectMilliseconds,
      query_timeout: waitFor(statementMilliseconds),
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    }),
  }
}

const int8 = 20
const bytea = 17

/** Has a connection give integers as numbers, and bytes as bytes of their own. */
export function parseValues(client: Pick<Client, 'setTypeParser'>): void {
  client.setTypeParser(int8, safeInteger)
  client.setTypeParser(bytea, (hex: string) => new Uint8Array(Buffer.from(hex.slice(2), 'hex')))
}

/** One that a number cannot hold stays text, and whoever reads its column says so. */
function safeInteger(digits: string): number | string {
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : digits
}
