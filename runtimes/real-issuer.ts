import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createLogger, createPawl, memoryStorage, toNodeHandler } from '@pawl/server'
import { findFreePort } from '../conformance/running-server/free-port.ts'

/** A real Pawl server on a loopback port, which serves pages one file beside. */
export interface RealIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly user: { readonly username: string; readonly password: string }
  /** A page of the issuer's own origin with that script in it. */
  servePage(script: string): string
}

/** Starts it in this process. */
export async function startRealIssuer(): Promise<RealIssuer> {
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  const logger = createLogger()
  logger.level = 'silent'
  const pawl = createPawl({
    issuer,
    secrets: Buffer.from('32 bytes that are good for tests').toString('base64url'),
    storage: memoryStorage({ clock: () => Date.now() }),
    logger,
  })
  await pawl.ready()
  const user = { username: 'ada@example.com', password: 'a long walk by the sea' }
  await pawl.administration.addUser({ ...user, roles: ['reader'] })
  let script = ''
  const answer = toNodeHandler(async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/suite.js') {
      return new Response(await readFile(script), { headers: { 'Content-Type': 'text/javascript' } })
    }
    if (pathname !== '/suite') return pawl.fetch(request)
    const page = '<!doctype html><title>suite</title><script type="module" src="/suite.js"></script>'
    return new Response(page, { headers: { 'Content-Type': 'text/html' } })
  })
  const server = createServer(answer)
  // Some runtimes take localhost for one of the two, some for the other.
  await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))
  return {
    issuer,
    user,
    servePage(file) {
      script = file
      return `${issuer}/suite`
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await pawl.close()
    },
  }
}
