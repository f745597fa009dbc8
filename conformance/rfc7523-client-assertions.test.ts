import { once } from 'node:events'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { findFreePort } from './running-server/free-port.ts'
import type { Reply } from './running-server/http-request.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const [first, second] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')]

/** What a confidential client is registered with that signs who it is. */
const signing = { type: 'confidential', auth: 'private_key_jwt', grants: ['client_credentials'] }

async function keySet(...keys: readonly CryptoKey[]): Promise<{ readonly keys: readonly unknown[] }> {
  return { keys: await Promise.all(keys.map((key) => exportJWK(key))) }
}

let number = 0

async function assertionOf(
  server: StartedServer,
  key: CryptoKey,
  claims = {},
): Promise<Readonly<Record<string, string>>> {
  number += 1
  const now = Math.floor(server.clock.now() / 1000)
  const payload = {
    iss: 'robot',
    sub: 'robot',
    aud: server.issuer,
    iat: now,
    exp: now + 60,
    jti: `${number}`,
    ...claims,
  }
  const client_assertion = await new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'client-authentication+jwt' })
    .sign(key)
  return { client_assertion_type: assertionType, client_assertion }
}

function ask(server: StartedServer, assertion: Readonly<Record<string, string>>): Promise<Reply> {
  return server.send('/oauth/token', { form: { grant_type: 'client_credentials', ...assertion } })
}

describe.each(engines)('CA-4 rfc7523-2.2: private_key_jwt on %s', (engine) => {
  test('at the token, revocation and introspection endpoints; for this issuer alone', async () => {
    await using server = await startServer({ engine, basePath: '/id' })
    await addClient(server, { ...signing, id: 'robot', jwks: await keySet(first.publicKey) })
    expect((await ask(server, await assertionOf(server, first.privateKey))).status).toBe(200)
    for (const path of ['/oauth/revoke', '/oauth/introspect']) {
      const form = { token: 'x', ...(await assertionOf(server, first.privateKey)) }
      expect((await server.send(path, { form })).status).toBe(200)
    }
    for (const aud of [`${server.issuer}/oauth/token`, server.origin, [server.issuer, 'https://other.example']]) {
      const reply = await ask(server, await assertionOf(server, first.privateKey, { aud }))
      expectRefusal(reply, 'invalid_client')
      // RFC 6749 section 5.2: the challenge is for those who used the Authorization header.
      expect(reply.headers.has('www-authenticate')).toBe(false)
    }
    expectRefusal(await ask(server, await assertionOf(server, second.privateKey)), 'invalid_client')
  })

  test('of 20 uses of one assertion at once, on two nodes, one is answered; from its exp on it is refused as expired', async () => {
    const configuration = { secrets: Buffer.from('two nodes, one secret: 32 octets').toString('base64url') }
    await using server = await startServer({ engine, configuration })
    await using other = await startServer({ engine, configuration, besides: server, issuer: server.issuer })
    await addClient(server, { ...signing, id: 'robot', jwks: await keySet(first.publicKey) })
    const assertion = await assertionOf(server, first.privateKey)
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask(index % 2 === 0 ? server : other, assertion)),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const reply of replies) if (reply.status !== 200) expectRefusal(reply, 'invalid_client')
    server.clock.advanceSeconds(59)
    expectRefusal(await ask(server, assertion), 'invalid_client')
    server.clock.advanceSeconds(1)
    expectRefusal(await ask(server, assertion), 'invalid_client')
  })
})

test('JW-8 keys at a URL of the client’s are taken up when they change; while they are away, 503 and not invalid_client', async () => {
  const port = await findFreePort()
  const published = { keys: await keySet(first.publicKey), fetches: 0 }
  const site = createServer((_, response) => {
    published.fetches += 1
    response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(JSON.stringify(published.keys))
  })
  onTestFinished(() => void site.close())
  await using server = await startServer()
  await addClient(server, { ...signing, id: 'robot', jwksUri: `http://127.0.0.1:${port}/keys` })
  const away = await ask(server, await assertionOf(server, first.privateKey))
  expectRefusal(away, 'temporarily_unavailable', 'client_document_unavailable')
  expect(away.headers.get('retry-after')).toBe('5')

  site.listen(port, '127.0.0.1')
  await once(site, 'listening')
  expect((await ask(server, await assertionOf(server, first.privateKey))).status).toBe(200)
  expect((await ask(server, await assertionOf(server, first.privateKey))).status).toBe(200)
  expect(published.fetches).toBe(1)
  published.keys = await keySet(second.publicKey)
  expectRefusal(await ask(server, await assertionOf(server, second.privateKey)), 'invalid_client')
  server.clock.advanceSeconds(30)
  expect((await ask(server, await assertionOf(server, second.privateKey))).status).toBe(200)
  expectRefusal(await ask(server, await assertionOf(server, first.privateKey)), 'invalid_client')
  expect(published.fetches).toBe(2)
})

test('CA-3 of two secrets both count, and the one that is removed no longer does', async () => {
  await using server = await startServer()
  const older = await addClient(server, { id: 'robot', type: 'confidential', grants: ['client_credentials'] })
  const { administration } = server.pawl
  const enter = (secret: string) =>
    server.send('/oauth/token', { form: { grant_type: 'client_credentials' }, headers: basic('robot', secret) })
  const added = await administration.addClientSecret('robot')
  const newer = added.ok ? (added.generatedSecret ?? '') : ''
  expect(newer).toMatch(/^[\w-]{43}$/)
  expect(await administration.addClientSecret('robot')).toMatchObject({ ok: false, field: 'secret' })
  expect((await enter(older)).status).toBe(200)
  expect((await enter(newer)).status).toBe(200)
  expect(await administration.removeClientSecret('robot', 'older')).toBe(true)
  expect(await administration.removeClientSecret('robot', 'older')).toBe(false)
  expectRefusal(await enter(older), 'invalid_client')
  expect((await enter(newer)).status).toBe(200)
})
