import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

/** What may become of a request. */
const fates = [
  'drop-request',
  'drop-reply',
  'delay-request',
  'delay-reply',
  'duplicate',
  'bad-gateway',
  'unavailable',
  'captive-portal',
] as const
type Fate = (typeof fates)[number]

/** A proxy on loopback that mistreats what goes to `/auth`, but for signing in. */
export interface UnreliableProxy extends AsyncDisposable {
  readonly origin: string
  /** Sends on to there from now on. */
  readonly pointAt: (origin: string) => void
  /** How often it did what. */
  readonly done: ReadonlyMap<Fate | 'pass', number>
}

/** How it mistreats. */
export interface ProxyWishes {
  /** Which share of the requests, between 0 and 1. */
  readonly share: number
  readonly random: () => number
  /** At most, in milliseconds. */
  readonly longestDelay: number
}

/** Starts to listen. */
export async function startUnreliableProxy(wishes: ProxyWishes): Promise<UnreliableProxy> {
  const { share, random, longestDelay } = wishes
  const done = new Map<Fate | 'pass', number>()
  let target = ''
  const server = createServer((request, response) => {
    mistreat(request, response).catch(() => request.socket.destroy())
  })

  function drawFate(path: string): Fate | 'pass' {
    if (!path.startsWith('/auth/') || path === '/auth/login' || random() >= share) return 'pass'
    return fates[Math.floor(random() * fates.length)] ?? 'pass'
  }

  async function mistreat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fate = drawFate(request.url ?? '')
    done.set(fate, (done.get(fate) ?? 0) + 1)
    const body = Buffer.concat(await request.toArray())
    if (fate === 'drop-request') return void request.socket.destroy()
    if (fate === 'bad-gateway') return answer(response, 502, '<h1>Bad gateway</h1>')
    if (fate === 'unavailable') return answer(response, 503, '')
    if (fate === 'captive-portal') return answer(response, 200, '<html>Welcome to the hotel</html>')
    if (fate === 'delay-request') await wait(random() * longestDelay)
    if (fate === 'duplicate') void forward(request, body).catch(() => undefined)
    const reply = await forward(request, body)
    const text = Buffer.concat(await reply.toArray())
    if (fate === 'delay-reply') await wait(random() * longestDelay)
    if (fate === 'drop-reply') return void request.socket.destroy()
    response.writeHead(reply.statusCode ?? 502, reply.headers)
    response.end(text)
  }

  async function forward(request: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { method, headers } = request
    const further = send(target + request.url, { ...(method !== undefined && { method }), headers, agent: false })
    further.end(body)
    const [reply]: IncomingMessage[] = await once(further, 'response')
    if (reply === undefined) throw new Error('a response is an event with one argument')
    return reply
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return {
    origin: `http://localhost:${address.port}`,
    pointAt: (origin) => {
      target = origin
    },
    done,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/html' }).end(text)
}
