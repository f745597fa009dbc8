import { memoryStorage, type PawlConfiguration } from '@pawl/server'
import { ada, issuer, type StartedIssuer, startIssuer } from '../started-issuer.ts'

/** The application as the issuer knows it. */
export const shop = { id: 'shop', secret: 'the-secret-of-the-shop-0123456789' } as const

interface Grant {
  readonly tokens: unknown
  readonly challenge: string | null
  readonly redirectUri: string | null
}

/**
 * The real server with a confidential client, and before it an authorization endpoint at which Ada always says yes: her
 * session is opened as the client's own, as that endpoint does it.
 */
export async function startAuthorizingIssuer(configuration: PawlConfiguration = {}): Promise<StartedIssuer> {
  const storage = memoryStorage({ clock: () => Date.now() })
  const server = await startIssuer({
    storage: {
      ...storage,
      openSession: (session, event) => storage.openSession({ ...session, clientId: shop.id }, event),
    },
    ...configuration,
  })
  const added = await server.administration.addClient({
    ...shop,
    type: 'confidential',
    redirectUris: ['https://shop.example/bff/callback'],
    grants: ['refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    resources: [issuer, 'https://api.example/'],
  })
  if (!added.ok) throw new Error(added.message)
  const codes = new Map<string, Grant>()

  async function authorize(url: URL): Promise<Response> {
    const { searchParams } = url
    if (searchParams.get('client_id') !== shop.id || searchParams.get('code_challenge_method') !== 'S256') {
      return new Response(null, { status: 400 })
    }
    const signedIn = await server.answer(
      new Request(`${issuer}/auth/login`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...ada, delivery: 'body' }),
      }),
    )
    const code = crypto.randomUUID()
    const redirectUri = searchParams.get('redirect_uri')
    codes.set(code, { tokens: await signedIn.json(), challenge: searchParams.get('code_challenge'), redirectUri })
    const back = new URL(redirectUri ?? '')
    back.search = new URLSearchParams({ code, state: searchParams.get('state') ?? '', iss: issuer }).toString()
    return new Response(null, { status: 302, headers: { Location: back.href } })
  }

  async function redeem(form: URLSearchParams, authorization: string | null): Promise<Response> {
    const grant = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(form.get('code_verifier') ?? ''))
    const proven = Buffer.from(digest).toString('base64url') === grant?.challenge
    const known = authorization === `Basic ${btoa(`${shop.id}:${shop.secret}`)}`
    if (!proven || !known || grant.redirectUri !== form.get('redirect_uri')) {
      return Response.json({ error: 'invalid_grant' }, { status: 400 })
    }
    return Response.json(grant.tokens)
  }

  return {
    ...server,
    answer: async (request) => {
      const url = new URL(request.url)
      if (url.pathname === '/oauth/authorize') return authorize(url)
      if (url.pathname !== '/oauth/token') return server.answer(request)
      const form = new URLSearchParams(await request.clone().text())
      if (form.get('grant_type') !== 'authorization_code') return server.answer(request)
      return redeem(form, request.headers.get('Authorization'))
    },
  }
}
