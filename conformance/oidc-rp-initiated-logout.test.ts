import { describe, expect, test } from 'vitest'
import {
  addApp,
  authorizationQuery,
  callback,
  codeFor,
  type Person,
  redeem,
  sitDown,
} from './running-server/authorization.ts'
import { codeGrantReply } from './running-server/replies.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'

async function signIn(server: StartedServer, person: Person, more: Readonly<Record<string, string>> = {}) {
  const tokens = (await redeem(server, await codeFor(person, more))).read(codeGrantReply)
  return { ...tokens, id_token: tokens.id_token ?? '' }
}

const logout = (parameters: Readonly<Record<string, string>>) => `/oauth/logout?${new URLSearchParams(parameters)}`

async function isSignedIn(person: Person): Promise<boolean> {
  return !(await person.open(authorizationQuery())).reply.text.includes('name="password"')
}

async function refreshes(server: StartedServer, refresh_token: string): Promise<boolean> {
  const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token }
  return (await server.send('/oauth/token', { form })).status === 200
}

describe.each(engines)('OI-5 RP-initiated logout on %s', (engine) => {
  test('a good id_token_hint ends both sessions without a question, even once it has expired, and leads back with the state', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const { id_token, refresh_token } = await signIn(server, person)
    server.clock.advanceSeconds(3600)
    const more = { post_logout_redirect_uri: callback, state: 'bye now' }
    const { reply } = await person.open(logout({ id_token_hint: id_token, ...more }))
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `${callback}?state=bye+now`])
    expect(await isSignedIn(person)).toBe(false)
    expect(await refreshes(server, refresh_token)).toBe(false)
    expect((await person.browser.jar.serialize()).cookies).toEqual([])
    // Again, signed out already: nobody is ever unable to leave.
    expect((await person.open(logout({ id_token_hint: id_token, ...more }))).reply.status).toBe(303)
  })

  test('ASVS 10.6.2 without a hint, or with one that is not the user’s, it is asked first', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    await addApp(server, { id: 'other' })
    await server.addUser('bob', 'a-long-enough-password')
    const [person, bob] = [sitDown(server), sitDown(server)]
    const { id_token, access_token } = await signIn(server, person)
    const page = await bob.open(authorizationQuery())
    await bob.send(page, { username: 'bob', password: 'a-long-enough-password' })
    for (const hint of [
      {},
      { id_token_hint: 'nonsense' },
      { id_token_hint: access_token },
      { id_token_hint: `${id_token.slice(0, -6)}AAAAAA` },
      { id_token_hint: id_token, client_id: 'other' },
      { id_token_hint: id_token },
    ]) {
      const asked = await bob.open(logout(hint))
      expect(asked.reply.text, JSON.stringify(hint)).toContain('name="deny"')
      const stayed = await bob.send(asked, { deny: 'yes' })
      expect(stayed.reply.text).toContain('Nothing was done')
      expect(await isSignedIn(bob)).toBe(true)
    }
    const forged = await bob.browser.send('/oauth/logout', { form: { step: 'sign-out', proof: 'x' } })
    expect(forged.status).toBe(303)
    expect(await isSignedIn(bob)).toBe(true)
    const asked = await bob.open(logout({ client_id: 'app', post_logout_redirect_uri: callback }))
    const left = await bob.send(asked, { allow: 'yes' })
    expect(left.reply.headers.get('location')).toBe(callback)
    expect(await isSignedIn(bob)).toBe(false)
    expect(await isSignedIn(person)).toBe(true)
  })

  test('AZ-2 an address that is not registered is never gone to: a page says that all is done', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    for (const post_logout_redirect_uri of [
      'https://evil.example',
      `${callback}/`,
      'javascript:alert(1)',
      '//evil.example',
    ]) {
      const { id_token } = await signIn(server, person)
      const { reply } = await person.open(logout({ id_token_hint: id_token, post_logout_redirect_uri }))
      expect([reply.status, reply.headers.get('location')]).toEqual([200, null])
      expect(reply.text).toContain('Signed out')
    }
  })

  test('a client may ask by POST: its session ends at once, and the id token does not get into an address', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const { id_token, refresh_token } = await signIn(server, person)
    const form = { id_token_hint: id_token, post_logout_redirect_uri: callback }
    const reply = await server.send('/oauth/logout', { form, headers: { 'sec-fetch-site': 'cross-site' } })
    expect(reply.status).toBe(303)
    const location = reply.headers.get('location') ?? ''
    expect(location).toContain(`${server.issuer}/oauth/logout?`)
    expect(location).not.toContain('id_token')
    expect(await refreshes(server, refresh_token)).toBe(false)
    const asked = await person.open(location.slice(server.issuer.length))
    expect((await person.send(asked, { allow: 'yes' })).reply.headers.get('location')).toBe(callback)
  })

  test('RT-12 OI-7 a session with offline_access goes on when the browser’s ends', async () => {
    await using server = await startServer({ engine })
    await addApp(server, { scopes: ['openid', 'offline_access'] })
    const person = sitDown(server)
    const { id_token, refresh_token } = await signIn(server, person, { scope: 'openid offline_access' })
    await person.open(logout({ id_token_hint: id_token }))
    expect(await isSignedIn(person)).toBe(false)
    expect(await refreshes(server, refresh_token)).toBe(true)
  })
})
