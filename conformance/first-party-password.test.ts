import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'

const newPassword = 'copper-meadow-forty-one'

describe.each(engines)('POST /auth/password on %s', (engine) => {
  test('204: the new password works, the old one does not, the other sessions have ended, this one has not', async () => {
    await using server = await startServer({ engine })
    const [here, there] = [await signIn(server), await signIn(server)]
    const reply = await server.send('/auth/password', {
      json: { current_password: alice.password, new_password: newPassword },
      bearer: here.access_token,
    })
    expect({ status: reply.status, text: reply.text }).toEqual({ status: 204, text: '' })
    expectNotStored(reply)
    expect(await sessionStatus(server, here.access_token)).toBe(200)
    expect((await tryRefresh(server, here.refresh_token)).status).toBe(200)
    expectRefusal(await tryRefresh(server, there.refresh_token), 'invalid_grant', 'password_changed')
    expectRefusal(
      await server.send('/auth/session', { bearer: there.access_token }),
      'invalid_token',
      'password_changed',
    )
    expectRefusal(await server.send('/auth/login', { json: alice }), 'invalid_credentials')
    await signIn(server, { username: alice.username, password: newPassword })
  })

  test('by cookie it works as well and leaves the cookies in place', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const reply = await browser.send('/auth/password', {
      json: { current_password: alice.password, new_password: newPassword },
    })
    expect({ status: reply.status, setCookies: reply.setCookies }).toEqual({ status: 204, setCookies: [] })
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
  })

  test('a wrong current password is refused and nothing changes', async () => {
    await using server = await startServer({ engine })
    const [here, there] = [await signIn(server), await signIn(server)]
    const reply = await server.send('/auth/password', {
      json: { current_password: 'not the password of alice', new_password: newPassword },
      bearer: here.access_token,
    })
    expectRefusal(reply, 'invalid_credentials')
    expect(await sessionStatus(server, there.access_token)).toBe(200)
    await signIn(server)
  })

  test.each([
    ['fourteen characters', 'abcdefghijklm7', 'too_short'],
    ['1,025 characters', `${'long '.repeat(205)}`, 'too_long'],
    ['one of the common list', 'qwertyuiopasdfghjkl', 'too_common'],
  ] as const)('a new password of %s is refused and nothing changes', async (_, new_password, reason) => {
    await using server = await startServer({ engine })
    const [here, there] = [await signIn(server), await signIn(server)]
    const json = { current_password: alice.password, new_password }
    const reply = await server.send('/auth/password', { json, bearer: here.access_token })
    expectRefusal(reply, 'password_refused', reason)
    expect(await sessionStatus(server, there.access_token)).toBe(200)
    await signIn(server)
  })

  test.each([`${'x'.repeat(14)}y`, `${'long '.repeat(204)}four`, `${'\u{1F40E}'.repeat(14)}\u00e9`, '               '])(
    'nothing else is asked of a password: %j',
    async (new_password) => {
      await using server = await startServer({ engine })
      const session = await signIn(server)
      const json = { current_password: alice.password, new_password }
      const reply = await server.send('/auth/password', { json, bearer: session.access_token })
      expect(reply.status, reply.text).toBe(204)
      await signIn(server, { username: alice.username, password: new_password })
    },
  )

  test('without a live session it is refused with a challenge', async () => {
    await using server = await startServer({ engine })
    const json = { current_password: alice.password, new_password: newPassword }
    const reply = await server.send('/auth/password', { json })
    expectRefusal(reply, 'authentication_required')
    expect(reply.headers.get('www-authenticate')).toBe(`Bearer realm="${server.issuer}"`)
    await signIn(server)
  })
})
