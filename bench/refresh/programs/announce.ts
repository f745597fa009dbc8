import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a program says on stdout once it accepts connections, on one line. */
export interface Announcement {
  readonly port: number
  readonly path: string
  /** Parameters of each refresh, besides the token. */
  readonly fixed: Readonly<Record<string, string>>
  /** The first token of each session. */
  readonly tokens: readonly string[]
}

/** Listens on a free port of the loopback interface and says so. */
export function announce(server: Server, told: Omit<Announcement, 'port'>): void {
  server.keepAliveTimeout = 75_000
  server.listen(0, '127.0.0.1', () => {
    const { port } = addressOf(server)
    process.stdout.write(`${JSON.stringify({ ...told, port } satisfies Announcement)}\n`)
  })
}

/** How many sessions a program is to have. */
export function sessionsWanted(): number {
  return Number(process.argv[2])
}

function addressOf(server: Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a server without a port')
  return address
}
