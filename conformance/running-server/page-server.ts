import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { createLogger, createPawl, memoryStorage, type Pawl, toNodeHandler } from '@pawl/server'
import { type MovingClock, movingClock } from './moving-clock.ts'
import { alice } from './started-server.ts'

const page = `<!doctype html><title>client</title><script type="importmap">
{"imports": {"@pawl/client": "/modules/client/index.ts", "@pawl/protocol": "/modules/protocol/index.ts"}}
</script><script type="module">
import * as pawl from '@pawl/client'
globalThis.pawl = pawl
globalThis.client = pawl.createClient({ access: new URLSearchParams(location.search).get('access') ?? 'cookie' })
globalThis.heard = []
client.onChange((session) => heard.push(session.status))
</script>`

/** What becomes of a refresh: answered, carried out without an answer, or neither for as long as nobody says otherwise. */
export type RefreshFate = 'answered' | 'lost' | 'held'

/** A web server with the real Pawl in it, whose page holds a client and nothing else. */
export interface PageServer extends AsyncDisposable {
  readonly issuer: string
  /** Where it listens. */
  readonly origin: string
  readonly clock: MovingClock
  readonly pawl: Pawl
  /** Every request for a path below `/auth`, as `METHOD /path`, in order. */
  readonly asked: string[]
  refreshFate: RefreshFate
}

/** How a page server differs from the usual one. */
export interface PageServerWishes {
  /** The URL that browsers use, where something stands before the server. */
  readonly issuer?: string
  /** Goes by the time of day, not by {@link PageServer.clock}. */
  readonly realTime?: boolean
  readonly accessSeconds?: number
}

/** Starts one. {@link alice} can sign in there. */
export async function startPageServer(wishes: PageServerWishes = {}): Promise<PageServer> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on a port')
  const clock = movingClock()
  const logger = createLogger()
  logger.level = 'silent'
  const origin = `http://localhost:${address.port}`
  const { issuer = origin, accessSeconds } = wishes
  const now = wishes.realTime ? () => Date.now() : clock.now
  const pawl = createPawl({
    issuer,
    secrets: Buffer.from('32 bytes that are good for tests').toString('base64url'),
    storage: memoryStorage({ clock: now }),
    clock: now,
    logger,
    ...(accessSeconds !== undefined && { accessSeconds }),
  })
  await pawl.administration.addUser({ ...alice, roles: [] })
  const started: PageServer = {
    issuer,
    origin,
    clock,
    pawl,
    asked: [],
    refreshFate: 'answered',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await pawl.close()
    },
  }
  const answer = toNodeHandler(async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/') return new Response(page, { headers: { 'Content-Type': 'text/html' } })
    const [, name, file] = /^\/modules\/(client|protocol)\/([a-z0-9/-]+\.ts)$/.exec(pathname) ?? []
    if (name === undefined || file === undefined) return pawl.fetch(request)
    const source = await readFile(new URL(file, import.meta.resolve(`@pawl/${name}`)), 'utf8')
    return new Response(stripTypeScriptTypes(source), {
      headers: { 'Content-Type': 'text/javascript', 'Cache-Control': 'max-age=3600' },
    })
  })
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/auth/')) started.asked.push(`${request.method} ${request.url}`)
    if (started.refreshFate === 'answered' || request.url !== '/auth/refresh') return answer(request, response)
    if (started.refreshFate === 'held') return
    const answerAndBreak = toNodeHandler(async (asked) => {
      await pawl.fetch(asked)
      request.socket.destroy()
      return new Response()
    })
    answerAndBreak(request, response)
  })
  return started
}
