import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** One address for a database that moves: passes bytes on, to wherever it points at the moment. */
export interface Forwarder extends AsyncDisposable {
  /** The URL it was made with, but at this forwarder. */
  readonly url: string
  /** Points at another server from now on, and breaks every connection to the one before. */
  readonly pointAt: (url: string) => void
}

/** Starts to listen on loopback. */
export async function startForwarder(url: string): Promise<Forwarder> {
  let target = new URL(url)
  const open = new Set<Socket>()

  function keep(socket: Socket): void {
    open.add(socket)
    // Either side may break at any time; the other is told by the end of its own connection.
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(socket))
  }

  const server = createServer((socket) => {
    const further = connect(Number(target.port), target.hostname)
    keep(socket)
    keep(further)
    socket.pipe(further).pipe(socket)
    socket.once('close', () => further.destroy())
    further.once('close', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  const own = new URL(url)
  own.port = String(address.port)

  function breakAll(): void {
    for (const socket of open) socket.destroy()
  }

  return {
    url: own.href,
    pointAt: (other) => {
      target = new URL(other)
      breakAll()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      breakAll()
      await once(server, 'close')
    },
  }
}
