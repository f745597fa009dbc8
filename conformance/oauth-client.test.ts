import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { memoryStore } from '@pawl/client'
import { createOAuthClient, type OAuthClient, type OAuthClientOptions } from '@pawl/client/oauth'
import Provider from 'oidc-provider'
import { CookieJar } from 'tough-cookie'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const redirectUri = 'https://app.example/callback?tenant=7'
const clientId = 'spa'

/** A standard OpenID provider that is not ours, with a client that may refresh. */
async function startProvider(): Promise<{
  readonly issuer: string
  readonly server: Server
  readonly asked: string[]
}> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on a port')
  const issuer = `http://127.0.0.1:${address.port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        token_endpoint_auth_method: 'none',
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    claims: { profile: ['preferred_username'] },
    conformIdTokenClaims: false,
    features: { revocation: { enabled: true } },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, preferred_username: `${id}@example.com` }),
    }),
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    cookies: { keys: ['only for this test'] },
    jwks: { keys: [await signingKey()] },
    ttl: { AccessToken: 3600, Grant: 86_400, IdToken: 3600, Interaction: 3600, RefreshToken: 86_400, Session: 86_400 },
  })
  const asked: string[] = []
  const answer = provider.callback()
  server.on('request', (request, response) => {
    asked.push(`${request.method} ${request.url?.split('?')[0]}`)
    answer(request, response)
  })
  return { issuer, server, asked }
}

async function signingKey() {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  return { ...(await crypto.subtle.exportKey('jwk', pair.privateKey)), kid: 'test', alg: 'ES256', use: 'sig' }
}

describe('authorization code with PKCE, at oidc-provider', () => {
  let provider: Awaited<ReturnType<typeof startProvider>>

  beforeAll(async () => {
    provider = await startProvider()
  })

  afterAll(() => {
    provider?.server.closeAllConnections()
    provider?.server.close()
  })

  function openClient(options: Partial<OAuthClientOptions> = {}): OAuthClient & { readonly visited: string[] } {
    const visited: string[] = []
    const client = createOAuthClient({
      issuer: provider.issuer,
      clientId,
      redirectUri,
      scope: 'openid profile',
      store: memoryStore(),
      navigate: (url) => visited.push(url),
      ...options,
    })
    return { ...client, visited }
  }

  /** A user with a browser: follows the redirections, signs in and consents where asked to, until sent back. */
  async function visit(start: string, jar: CookieJar = new CookieJar()): Promise<URL> {
    let url = new URL(start)
    let form: URLSearchParams | undefined
    for (let step = 0; step < 20; step += 1) {
      const response = await fetch(url, {
        method: form === undefined ? 'GET' : 'POST',
        ...(form !== undefined && { body: form }),
        headers: { cookie: await jar.getCookieString(url.href) },
        redirect: 'manual',
      })
      for (const line of response.headers.getSetCookie()) await jar.setCookie(line, url.href)
      const location = response.headers.get('Location')
      form = undefined
      if (location !== null) {
        url = new URL(location, url)
        if (url.origin !== provider.issuer) return url
        continue
      }
      const page = await response.text()
      const prompt = /name="prompt" value="([a-z]+)"/.exec(page)?.[1]
      if (prompt === undefined) throw new Error(`neither a redirection nor a form: ${response.status}`)
      form = new URLSearchParams({ prompt, login: 'ada', password: 'any' })
      url = new URL(/action="([^"]+)"/.exec(page)?.[1] ?? '', url)
    }
    throw new Error('never sent back')
  }

  async function signedIn(): Promise<ReturnType<typeof openClient>> {
    const client = openClient()
    const start = await client.signIn()
    if (!start.ok) throw new Error('the provider is there')
    expect(await client.finish(await visit(start.url))).toMatchObject({ ok: true })
    provider.asked.length = 0
    return client
  }

  test('AZ-C1 T8.4: signs in, and a second finish with the same address, as by StrictMode, asks for nothing more', async () => {
    const client = openClient()
    const start = await client.signIn({ returnTo: '/notes/7', parameters: { prompt: 'login' } })
    expect(client.visited).toEqual([start.ok ? start.url : ''])
    const parameters = new URL(client.visited[0] ?? '').searchParams
    expect(parameters.get('code_challenge_method')).toBe('S256')
    expect(parameters.get('code_challenge')).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(parameters.get('state')).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(parameters.get('nonce')).not.toBe(parameters.get('state'))
    const back = await visit(client.visited[0] ?? '')
    provider.asked.length = 0
    const outcomes = await Promise.all([client.finish(back), client.finish(back)])
    expect(outcomes[0]).toMatchObject({
      ok: true,
      returnTo: '/notes/7',
      session: { status: 'active', user: { id: 'ada', username: 'ada@example.com' } },
    })
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(provider.asked.filter((line) => line === 'POST /token')).toHaveLength(1)
    expect(await client.session()).toMatchObject({ status: 'active', user: { id: 'ada' } })
  })

  test('renews, and the new token of a server that rotates takes the place of the old one', async () => {
    const client = await signedIn()
    const before = await client.accessToken()
    expect(await client.refresh()).toMatchObject({ status: 'active', generation: 1 })
    expect(await client.refresh()).toMatchObject({ status: 'active', generation: 2, user: { id: 'ada' } })
    expect(await client.accessToken()).not.toBe(before)
    expect(provider.asked).toEqual(['POST /token', 'POST /token'])
  })

  test('T5.2: signs out by revocation, after which the token is refused in so many words', async () => {
    const store = memoryStore()
    const client = openClient({ store })
    const start = await client.signIn()
    await client.finish(await visit(start.ok ? start.url : ''))
    const stolen = await store.read()
    expect(await client.signOut()).toEqual({ ok: true })
    expect(provider.asked.at(-1)).toBe('POST /token/revocation')
    const thief = openClient({ store: memoryStore(stolen) })
    expect(await thief.refresh()).toEqual({ status: 'signed-out', reason: 'invalid_grant' })
  })

  test('AZ-C3 rfc9207-2.4: an answer of another issuer, or of none, is thrown away before it is used', async () => {
    const changes: ((url: URL) => void)[] = [
      (url) => url.searchParams.set('iss', 'https://elsewhere.example'),
      (url) => url.searchParams.set('iss', `${provider.issuer}/`),
      (url) => url.searchParams.append('iss', provider.issuer),
      (url) => url.searchParams.delete('iss'),
      (url) => {
        url.searchParams.set('iss', 'https://elsewhere.example')
        url.searchParams.delete('code')
        url.searchParams.set('error', 'shown_to_the_user')
      },
    ]
    const jar = new CookieJar()
    for (const change of changes) {
      const client = openClient()
      const start = await client.signIn()
      const back = await visit(start.ok ? start.url : '', jar)
      change(back)
      provider.asked.length = 0
      expect(await client.finish(back)).toEqual({ ok: false, code: 'wrong_issuer' })
      expect(provider.asked).toEqual([])
    }
  })

  test('AZ-C1 AZ-C4: an answer that this browser did not ask for, or has used, is no sign-in', async () => {
    const client = openClient()
    const start = await client.signIn()
    const back = await visit(start.ok ? start.url : '')
    provider.asked.length = 0
    expect(await openClient().finish(back)).toEqual({ ok: false, code: 'unknown_state' })
    back.searchParams.set('state', 'guessed')
    expect(await client.finish(back)).toEqual({ ok: false, code: 'unknown_state' })
    expect(provider.asked).toEqual([])
  })

  test('oidc-core-3.1.3.7: an id token for another nonce or issuer is refused, and nothing is stored', async () => {
    for (const [name, value] of [
      ['nonce', 'of another request'],
      ['iss', 'https://elsewhere.example'],
      ['aud', 'another client'],
    ]) {
      const store = memoryStore()
      const client = openClient({
        store,
        fetch: async (input, init) => {
          const response = await fetch(input, init)
          if (!String(input).endsWith('/token')) return response
          const reply: { id_token: string } = JSON.parse(await response.text())
          const [header, payload = '', signature] = reply.id_token.split('.')
          const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), [name ?? '']: value }
          const forged = Buffer.from(JSON.stringify(claims)).toString('base64url')
          return Response.json({ ...reply, id_token: [header, forged, signature].join('.') })
        },
      })
      const start = await client.signIn()
      const back = await visit(start.ok ? start.url : '')
      expect(await client.finish(back)).toEqual({ ok: false, code: 'invalid_id_token' })
      expect(await store.read()).toBeUndefined()
    }
  })

  test('a refusal by the user, and a server that is away, are values', async () => {
    const client = openClient()
    const start = await client.signIn()
    const { searchParams } = new URL(start.ok ? start.url : '')
    const back = new URL(redirectUri)
    for (const [name, value] of Object.entries({
      error: 'access_denied',
      state: searchParams.get('state') ?? '',
      iss: provider.issuer,
    }))
      back.searchParams.set(name, value)
    expect(await client.finish(back)).toEqual({ ok: false, code: 'access_denied' })
    const away = openClient({ fetch: () => Promise.reject(new TypeError('fetch failed')) })
    expect(await away.signIn()).toEqual({ ok: false, cause: { kind: 'network' } })
    expect(away.visited).toEqual([])
  })

  test('AZ-C2: a server that does not say that it checks PKCE, or calls itself otherwise, is not used', async () => {
    const replaced: Record<string, unknown>[] = [
      { code_challenge_methods_supported: undefined },
      { code_challenge_methods_supported: ['plain'] },
      { issuer: 'https://elsewhere.example' },
    ]
    for (const replacement of replaced) {
      const client = openClient({
        fetch: async (input, init) => {
          const response = await fetch(input, init)
          return Response.json({ ...JSON.parse(await response.text()), ...replacement }, { status: response.status })
        },
      })
      expect(await client.signIn()).toMatchObject({ ok: false })
      expect(client.visited).toEqual([])
    }
  })
})
