import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { addApp, callback, formOf, type Person, sitDown } from './running-server/authorization.ts'
import { addClient } from './running-server/registered-clients.ts'
import { codeGrantReply, errorReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const grant = 'urn:ietf:params:oauth:grant-type:device_code'

const started = z.strictObject({
  device_code: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  user_code: z.string().regex(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
  expires_in: z.literal(600),
  interval: z.literal(5),
})

type Started = z.infer<typeof started>

async function addDevice(server: StartedServer): Promise<void> {
  await addClient(server, {
    id: 'tv',
    type: 'public',
    grants: [grant, 'refresh_token'],
    scopes: ['openid', 'read'],
    resources: ['https://api.example'],
  })
}

async function begin(server: StartedServer, more: Readonly<Record<string, string>> = {}): Promise<Started> {
  const reply = await server.send('/oauth/device_authorization', { form: { client_id: 'tv', ...more } })
  expect(reply.status).toBe(200)
  expect(reply.headers.get('cache-control')).toContain('no-store')
  return reply.read(started)
}

function poll(server: StartedServer, device_code: string, more: Readonly<Record<string, string>> = {}) {
  return server.send('/oauth/token', { form: { grant_type: grant, client_id: 'tv', device_code, ...more } })
}

async function errorOf(server: StartedServer, device_code: string, more: Readonly<Record<string, string>> = {}) {
  const reply = await poll(server, device_code, more)
  expect(reply.status).toBe(400)
  return reply.read(errorReply).error
}

/** Signs in, types the code as somebody would, and decides. */
async function decide(person: Person, typed: string, decision: 'allow' | 'deny') {
  let page = await person.open('/oauth/device')
  if (page.reply.text.includes('name="password"')) page = await person.send(page, alice)
  page = await person.send(page, { user_code: typed })
  return { shown: page, done: await person.send(page, { [decision]: 'yes' }) }
}

describe.each(engines)('rfc8628 the device grant on %s', (engine) => {
  test('DG-1 DG-4 a device asks until its person has typed the code, seen what it wants, and allowed it', async () => {
    await using server = await startServer({ engine })
    await addDevice(server)
    const { device_code, user_code, verification_uri } = await begin(server)
    expect(verification_uri).toBe(`${server.issuer}/oauth/device`)
    expect(await errorOf(server, device_code)).toBe('authorization_pending')
    const { shown, done } = await decide(sitDown(server), ` ${user_code.toLowerCase().replace('-', ' ')}`, 'allow')
    for (const text of [
      'tv',
      user_code,
      'read',
      'Know who you are',
      'https://api.example',
      'You are signing in a device',
    ]) {
      expect(shown.reply.text).toContain(text)
    }
    expect(formOf(shown.reply.text).buttons[1]).toContain('name="deny"')
    expect(done.reply.text).toContain('The device is signed in')
    server.clock.advanceSeconds(5)
    const tokens = (await poll(server, device_code)).read(codeGrantReply)
    expect(tokens.scope).toBe('openid read')
    expect(tokens.id_token).toBeDefined()
    server.clock.advanceSeconds(5)
    expect(await errorOf(server, device_code)).toBe('invalid_grant')
    const form = { grant_type: 'refresh_token', client_id: 'tv', refresh_token: tokens.refresh_token }
    expect((await server.send('/oauth/token', { form })).status).toBe(200)
  })

  test('DG-3 of 50 polls at once one succeeds', async () => {
    await using server = await startServer({ engine })
    await addDevice(server)
    const { device_code, user_code } = await begin(server)
    await decide(sitDown(server), user_code, 'allow')
    const replies = await Promise.all(Array.from({ length: 50 }, () => poll(server, device_code)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    const errors = new Set(replies.filter(({ status }) => status !== 200).map((reply) => reply.read(errorReply).error))
    expect([...errors].every((error) => error === 'slow_down' || error === 'invalid_grant')).toBe(true)
    const { sessions } = await server.storage.listSessions(100)
    expect(sessions.filter(({ clientId }) => clientId === 'tv')).toHaveLength(1)
  })

  test('DG-1 slow_down within five seconds, access_denied after a refusal, expired_token after ten minutes', async () => {
    await using server = await startServer({ engine })
    await addDevice(server)
    const [denied, forgotten] = [await begin(server), await begin(server)]
    expect(await errorOf(server, denied.device_code)).toBe('authorization_pending')
    server.clock.advanceSeconds(4)
    expect(await errorOf(server, denied.device_code)).toBe('slow_down')
    server.clock.advanceSeconds(5)
    expect(await errorOf(server, denied.device_code)).toBe('authorization_pending')
    const { done } = await decide(sitDown(server), denied.user_code, 'deny')
    expect(done.reply.text).toContain('The device was refused')
    server.clock.advanceSeconds(5)
    expect(await errorOf(server, denied.device_code)).toBe('access_denied')
    server.clock.advanceSeconds(600)
    expect(await errorOf(server, forgotten.device_code)).toBe('expired_token')
    const late = await decide(sitDown(server), forgotten.user_code, 'allow')
    expect(late.shown.reply.status).toBe(404)
  })

  test('DG-3 a device code is bound to its client, and to the resources that were allowed', async () => {
    await using server = await startServer({ engine })
    await addDevice(server)
    await addClient(server, { id: 'radio', type: 'public', grants: [grant] })
    const { device_code, user_code } = await begin(server)
    expect(await errorOf(server, device_code, { client_id: 'radio' })).toBe('invalid_grant')
    expect(await errorOf(server, `${device_code.slice(1)}A`)).toBe('invalid_grant')
    await decide(sitDown(server), user_code, 'allow')
    expect(await errorOf(server, device_code, { resource: 'https://other.example' })).toBe('invalid_target')
    server.clock.advanceSeconds(5)
    expect((await poll(server, device_code)).status).toBe(200)
  })
})

describe('rfc8628 its page', () => {
  test('DG-4 a link that has the code in it asks all the same, and only its own form counts', async () => {
    await using server = await startServer()
    await addDevice(server)
    const { device_code, verification_uri_complete } = await begin(server)
    const path = verification_uri_complete.slice(server.issuer.length)
    const person = sitDown(server)
    const page = await person.send(await person.open(path), alice)
    expect(page.reply.text).toContain('name="deny"')
    const foreign = await person.browser.send(path, {
      form: { step: 'decide', allow: 'yes' },
      headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    })
    expect(foreign.status).toBe(403)
    const unproven = await person.browser.send(path, { form: { step: 'decide', allow: 'yes', proof: 'x' } })
    expect(unproven.status).toBe(303)
    expect(await errorOf(server, device_code)).toBe('authorization_pending')
    await person.send(page, { allow: 'yes' })
    const again = await person.send(page, { deny: 'yes' })
    expect(again.reply.text).toContain('That code is not known')
    server.clock.advanceSeconds(5)
    expect((await poll(server, device_code)).status).toBe(200)
  })

  test('DG-2 G-11 whoever guesses at codes has to wait', async () => {
    await using server = await startServer()
    await addDevice(server)
    const { user_code } = await begin(server)
    const person = sitDown(server)
    await person.send(await person.open('/oauth/device'), alice)
    const statuses: number[] = []
    for (let guess = 0; guess < 32; guess += 1) {
      statuses.push(
        (await person.open(`/oauth/device?user_code=BCDFGH${'BCDFGHJKLM'[guess % 10]}${'BCDFGHJKLM'[guess % 7]}`)).reply
          .status,
      )
    }
    expect(statuses.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => 404))
    expect(statuses.at(-1)).toBe(429)
    const right = await person.open(`/oauth/device?user_code=${user_code}`)
    expect(right.reply.status).toBe(429)
    expect(right.reply.headers.get('retry-after')).not.toBeNull()
  })

  test('DG-4 off for every client that was not registered for it; a scope or resource beyond is refused', async () => {
    await using server = await startServer()
    await addDevice(server)
    await addApp(server, { redirectUris: [callback] })
    const ask = async (form: Record<string, string>) =>
      (await server.send('/oauth/device_authorization', { form })).read(errorReply).error
    expect(await ask({ client_id: 'app' })).toBe('unauthorized_client')
    expect(await ask({ client_id: 'tv', scope: 'admin' })).toBe('invalid_scope')
    expect(await ask({ client_id: 'tv', resource: 'https://other.example' })).toBe('invalid_target')
    expect(await ask({ client_id: 'nobody' })).toBe('invalid_client')
    const missing = await server.send('/oauth/token', { form: { grant_type: grant, client_id: 'tv' } })
    expect([missing.status, missing.read(errorReply).error]).toEqual([400, 'invalid_request'])
  })

  test('G-11 of one client so many may be pending: too_many_pending', async () => {
    await using server = await startServer({ through: (storage) => ({ ...storage, addTicket: async () => false }) })
    await addDevice(server)
    const reply = await server.send('/oauth/device_authorization', { form: { client_id: 'tv' } })
    expect([reply.status, reply.read(errorReply).reason]).toEqual([429, 'too_many_pending'])
  })
})
