import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { toNodeHandler } from '@pawl/server'
import { z } from 'zod'
import { findFreePort } from './free-port.ts'
import { sessionsOf } from './sessions-of-a-client.ts'
import { alice, type StartedServer, startServer } from './started-server.ts'

const bodyReply = z.looseObject({ session_id: z.string() })

/** A server at whose authorization endpoint alice always says yes, and that counts what is asked of it. */
export interface AuthorizingFront extends AsyncDisposable {
  readonly issuer: string
  readonly server: StartedServer
  /** Grants that were asked for at the token endpoint, in order. */
  readonly grants: string[]
  /** Session of the sign-in that was the last. */
  readonly sessionId: () => string
}

/**
 * Starts the real server behind a front that answers `/oauth/authorize` by itself, without asking anybody, and redeems its
 * codes (RFC 6749 section 4.1, RFC 7636). The sessions are the client's own, as that endpoint opens them.
 *
 * @param clientId of the confidential client; its registration is the caller's
 */
export async function startAuthorizingFront(clientId: string): Promise<AuthorizingFront> {
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  const server = await startServer({ issuer, through: sessionsOf(clientId) })
  server.clock.advanceMilliseconds(Date.now() - server.clock.now())
  const grants: string[] = []
  const codes = new Map<string, { readonly tokens: object; readonly challenge: string | null }>()
  let sessionId = ''

  async function authorize({ searchParams }: URL): Promise<Response> {
    const signedIn = await server.send('/auth/login', { json: { ...alice, delivery: 'body' } })
    const tokens = signedIn.read(bodyReply)
    sessionId = tokens.session_id
    const code = crypto.randomUUID()
    codes.set(code, { tokens, challenge: searchParams.get('code_challenge') })
    const back = new URL(searchParams.get('redirect_uri') ?? '')
    back.search = new URLSearchParams({ code, state: searchParams.get('state') ?? '', iss: issuer }).toString()
    return Response.redirect(back, 303)
  }

  function redeem(form: URLSearchParams): Response {
    const code = form.get('code') ?? ''
    const granted = codes.get(code)
    codes.delete(code)
    const proof = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (granted?.challenge !== proof) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    return Response.json(granted.tokens)
  }

  const front = createServer(
    toNodeHandler(async (request) => {
      const url = new URL(request.url)
      if (url.pathname === '/oauth/authorize') return authorize(url)
      if (url.pathname !== '/oauth/token') return server.pawl.fetch(request)
      const form = new URLSearchParams(await request.clone().text())
      grants.push(form.get('grant_type') ?? '')
      return form.has('code') ? redeem(form) : server.pawl.fetch(request)
    }),
  )
  front.listen(port, '127.0.0.1')
  await once(front, 'listening')
  return {
    issuer,
    server,
    grants,
    sessionId: () => sessionId,
    async [Symbol.asyncDispose]() {
      front.closeAllConnections()
      front.close()
      await server[Symbol.asyncDispose]()
    },
  }
}
