import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A line between two programs that a test can disturb: passes bytes on over TCP. */
export interface Wire extends AsyncDisposable {
  /** The other end, as an address of this one. */
  readonly origin: string
  /** Breaks every connection and refuses new ones. */
  readonly cut: () => void
  /** Passes nothing on and tells nobody, as a network that lost its way; connections are taken and stay silent. */
  readonly hold: () => void
  /** Passes everything on again, what was held included. */
  readonly heal: () => void
  /** How many connections have been made through it. */
  readonly connections: () => number
}

/** Lays a line to a port of this machine. */
export async function startWire(port: number): Promise<Wire> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let state: 'sound' | 'held' | 'cut' = 'sound'
  let connections = 0

  function breakAll(): void {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }

  const server = createServer((near) => {
    if (state === 'cut') {
      near.destroy()
      return
    }
    connections += 1
    const far = connect(port, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on('data', (bytes) => to.write(bytes))
      // Either side may break at any time; the other is told by the end of its own connection.
      from.on('error', () => undefined)
      from.once('close', () => {
        pairs.delete(pair)
        to.destroy()
      })
    }
    if (state === 'held') for (const socket of pair) socket.pause()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')

  return {
    origin: `http://localhost:${address.port}`,
    connections: () => connections,
    cut: () => {
      state = 'cut'
      breakAll()
    },
    hold: () => {
      state = 'held'
      for (const pair of pairs) for (const socket of pair) socket.pause()
    },
    heal: () => {
      state = 'sound'
      for (const pair of pairs) for (const socket of pair) socket.resume()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      breakAll()
      await once(server, 'close')
    },
  }
}
