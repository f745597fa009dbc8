import { createClient } from '@pawl/client'
import { describe, expect, test } from 'vitest'
import { ada, issuer, startIssuer } from '../started-issuer.ts'
import { shop, startAuthorizingIssuer } from './authorizing-issuer.ts'
import { leaks, sentTo, shopOrigin, startBff } from './started-bff.ts'

describe('a sign-in with a password', () => {
  test('BF-1 tokens stay on the server: the browser gets who is signed in, and nothing that any API would take', async () => {
    const app = startBff(await startIssuer())
    const answer = await app.signIn()
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({
      session_id: expect.any(String),
      user: { id: expect.any(String), username: ada.username, roles: ['reader'] },
      expires_in: 900,
      refresh_in: expect.any(Number),
      refresh_token_timeout: expect.any(Number),
      authorization_expires_in: expect.any(Number),
    })
    expect((await app.ask('/bff/auth/session')).status).toBe(200)
    expect((await app.ask('/bff/api/notes')).status).toBe(200)
    app.server.passTime(1000)
    expect((await app.ask('/bff/auth/refresh', { method: 'POST' })).status).toBe(200)
    expect((await app.ask('/bff/auth/logout', { method: 'POST' })).status).toBe(204)
    expect(app.tokens.size).toBe(4)
    expect(leaks(app)).toEqual([])
  })

  test('BF-2 CK-1 the session cookie is __Host-, Secure, HttpOnly, SameSite=Strict, and says nothing', async () => {
    const app = startBff(await startIssuer())
    const answer = await app.signIn()
    const [session, state] = answer.headers.getSetCookie()
    expect(session).toMatch(
      /^__Host-pawl_session=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$/,
    )
    expect(state).toMatch(/^__Secure-pawl_state=[A-Za-z0-9_-]{22}\.0\.\d+; Path=\/; Max-Age=\d+; SameSite=Lax; Secure$/)
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
  })

  test('T23.1 a wrong password is told in the words of the issuer, an issuer that is away is 503', async () => {
    const app = startBff(await startIssuer())
    const login = (body: string, type = 'application/json') =>
      app.ask('/bff/auth/login', { method: 'POST', headers: { 'Content-Type': type }, body })
    const wrong = await login(JSON.stringify({ ...ada, password: 'not her passphrase at all' }))
    expect(wrong.status).toBe(401)
    expect(await wrong.json()).toMatchObject({ error: 'invalid_credentials', request_id: expect.any(String) })
    expect((await login('{')).status).toBe(400)
    expect((await login(JSON.stringify(ada), 'text/plain')).status).toBe(415)
    expect((await login(JSON.stringify({ ...ada, more: 'x'.repeat(20_000) }))).status).toBe(413)
    app.network = async () => new Response('<h1>Bad gateway</h1>', { status: 502 })
    expect((await login(JSON.stringify(ada))).status).toBe(503)
    expect(app.cookie()).toBe('')
  })

  test('CK-5 a new sign-in makes a new session cookie, and the session before it ends at the issuer', async () => {
    const app = startBff(await startIssuer())
    await app.signIn()
    const before = app.cookie()
    await app.signIn()
    expect(app.cookie()).not.toBe(before)
    expect(sentTo(app, '/auth/logout')).toHaveLength(1)
    expect(await app.bff.renew(before)).toMatchObject({ access: { status: 'signed-out' } })
  })
})

test('the ordinary client of a page speaks to a BFF as to an issuer', async () => {
  const app = startBff(await startIssuer())
  const client = createClient({
    issuer: `${shopOrigin}/bff`,
    fetch: async (input, init) => app.ask(new Request(input, init).url, init),
    cookies: {
      read: () => app.jar.getCookieStringSync(`${shopOrigin}/`, { http: false }),
      write: (line) => void app.jar.setCookieSync(line, `${shopOrigin}/`, { http: false }),
    },
  })
  expect(await client.session()).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
  expect(await client.signIn(ada)).toMatchObject({ ok: true, session: { user: { username: ada.username } } })
  expect((await client.fetch(`${shopOrigin}/bff/api/notes`)).status).toBe(200)
  app.server.passTime(1000)
  expect(await client.refresh()).toMatchObject({ status: 'active', generation: 1 })
  await app.server.administration.revokeUserSessions(ada.username)
  app.server.passTime(1000)
  expect(await client.refresh()).toEqual({ status: 'signed-out', reason: 'revoked_by_admin' })
  expect(app.cookie()).toBe('')
})

describe('a sign-in at the issuer', () => {
  const started = async () => startBff(await startAuthorizingIssuer(), { client: shop })

  /** Follows the browser from the link to the issuer and back; gives the address that the issuer sends it to. */
  async function goToIssuer(app: Awaited<ReturnType<typeof started>>, path = '/bff/sign-in'): Promise<URL> {
    const begun = await app.ask(path, { headers: { 'Sec-Fetch-Site': 'none' } })
    expect(begun.status).toBe(303)
    const asked = await app.server.answer(new Request(begun.headers.get('Location') ?? ''))
    return new URL(asked.headers.get('Location') ?? '')
  }

  test('BF-1 is an authorization code with PKCE, redeemed by the application as a confidential client', async () => {
    const app = await started()
    const back = await goToIssuer(app, '/bff/sign-in?return_to=/orders?page=2')
    expect(back.origin + back.pathname).toBe(`${shopOrigin}/bff/callback`)
    const arrived = await app.ask(back.href, { headers: { 'Sec-Fetch-Site': 'cross-site' } })
    expect(arrived.status).toBe(200)
    // CK-3: a page of the application's own, from which the browser takes the Strict cookie along.
    expect(await arrived.text()).toContain('content="0; url=/orders?page=2"')
    const [redeemed] = sentTo(app, '/oauth/token')
    expect(redeemed?.headers.get('Authorization')).toMatch(/^Basic /)
    expect(redeemed?.text).toMatch(/code_verifier=[A-Za-z0-9_-]{43}/)
    expect(await (await app.ask('/bff/auth/session')).json()).toMatchObject({ user: { username: ada.username } })
    expect(app.cookie()).not.toContain('sign_in')
    expect(leaks(app)).toEqual([])
  })

  test('AZ-C CK-3 T19.3 a code comes back to the browser that asked for it, once, and from the issuer that was asked', async () => {
    const app = await started()
    const back = await goToIssuer(app)
    const cookies = app.cookie()
    const without = async (change: (url: URL) => void) => {
      const url = new URL(back)
      change(url)
      return (await app.ask(url.href)).status
    }
    expect(await without((url) => url.searchParams.set('state', 'of-somebody-else'))).toBe(400)
    expect(await without((url) => url.searchParams.delete('iss'))).toBe(400)
    expect(await without((url) => url.searchParams.set('iss', 'https://elsewhere.example'))).toBe(400)
    expect(await without((url) => url.searchParams.append('code', 'another'))).toBe(400)
    // In a browser that began no sign-in, so that nobody is signed in as somebody else.
    expect((await app.bff.fetch(new Request(back))).status).toBe(400)
    expect(sentTo(app, '/oauth/token')).toEqual([])
    for (let n = 0; n < 20; n += 1) await app.ask('/bff/sign-in')
    expect(app.cookie().split('; ')).toHaveLength(cookies.split('; ').length)
  })

  test('BF-1 return_to leads to a path of the application, whatever stands in it', async () => {
    const app = await started()
    for (const [returnTo, address] of [
      ['//elsewhere.example', '/'],
      ['/\\elsewhere.example', '/'],
      ['/\t/elsewhere.example', '/'],
      ['https://elsewhere.example/', '/'],
      ['javascript:alert(1)', '/'],
      ['/orders"><script>', '/orders%22%3E%3Cscript%3E'],
      ['/orders?a=1&b=2#three', '/orders?a=1&amp;b=2#three'],
    ]) {
      const back = await goToIssuer(app, `/bff/sign-in?return_to=${encodeURIComponent(returnTo ?? '')}`)
      const page = await (await app.ask(back.href)).text()
      expect(page).toContain(`content="0; url=${address}"`)
    }
  })

  test('BF-1 a refusal at the issuer leads back into the application, signed out', async () => {
    const app = await started()
    const back = await goToIssuer(app)
    back.searchParams.delete('code')
    back.searchParams.set('error', 'access_denied')
    expect((await app.ask(back.href)).status).toBe(200)
    expect(app.cookie()).toBe('')
    expect(back.searchParams.get('iss')).toBe(issuer)
  })

  test('a password is not taken where people sign in at the issuer', async () => {
    const app = await started()
    expect((await app.signIn()).status).toBe(404)
  })
})
