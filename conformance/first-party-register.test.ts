import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { sessionStatus, signIn } from './running-server/first-party-calls.ts'
import { bodyReply, cookieReply, sessionReply } from './running-server/replies.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'

const bob = { username: 'bob@example.com', password: 'marble-orchard-twelve' }
const open = { registration: true }

describe.each(engines)('POST /auth/register on %s', (engine) => {
  test('is closed unless the setting opens it', async () => {
    await using server = await startServer({ engine })
    expectRefusal(await server.send('/auth/register', { json: bob }), 'registration_closed')
    expectRefusal(await server.send('/auth/login', { json: bob }), 'invalid_credentials')
  })

  test('adds the user without any role and signs him in', async () => {
    await using server = await startServer({ engine, configuration: open })
    const browser = openBrowser(server)
    const reply = await browser.send('/auth/register', { json: { ...bob, roles: ['admin'], id: 'usr_1' } })
    expect(reply.status).toBe(201)
    expect(reply.read(cookieReply).user).toMatchObject({ username: bob.username, roles: [] })
    expect(reply.text).not.toMatch(/pawl_rt_|eyJ/)
    expectNotStored(reply)
    expect((await browser.send('/auth/session')).read(sessionReply).user.username).toBe(bob.username)
    await signIn(server, bob)
  })

  test('answers tokens in the body where that is asked for', async () => {
    await using server = await startServer({ engine, configuration: open })
    const reply = await server.send('/auth/register', { json: { ...bob, delivery: 'body' } })
    expect(reply.status).toBe(201)
    expect(reply.setCookies).toEqual([])
    expect(await sessionStatus(server, reply.read(bodyReply).access_token)).toBe(200)
  })

  test('a name that is taken, in whatever case, is refused and keeps its password', async () => {
    await using server = await startServer({ engine, configuration: open })
    for (const username of [alice.username, alice.username.toUpperCase()]) {
      expectRefusal(await server.send('/auth/register', { json: { ...bob, username } }), 'username_taken')
    }
    await signIn(server)
  })

  test('of twenty who want one name at once exactly one gets it', async () => {
    await using server = await startServer({ engine, configuration: open })
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => server.send('/auth/register', { json: { ...bob, delivery: 'body' } })),
    )
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const reply of replies.filter(({ status }) => status !== 201)) expectRefusal(reply, 'username_taken')
  })

  test.each([
    ['too_short', 'abcdefghijklm7'],
    ['too_common', 'qwertyuiopasdfghjkl'],
  ] as const)('a password that is %s is refused', async (reason, password) => {
    await using server = await startServer({ engine, configuration: open })
    const reply = await server.send('/auth/register', { json: { ...bob, password } })
    expectRefusal(reply, 'password_refused', reason)
    expect((await server.storage.listUsers()).length).toBe(1)
  })

  test.each([' bob', 'bob ', 'b\nob', 'b\0ob', 'b\u2028ob', '\ud800bob'])(
    'a name like %j is refused and nobody is added',
    async (username) => {
      await using server = await startServer({ engine, configuration: open })
      const reply = await server.send('/auth/register', { json: { ...bob, username } })
      expectRefusal(reply, 'invalid_request', 'malformed_parameter')
      expect((await server.storage.listUsers()).length).toBe(1)
    },
  )
})
