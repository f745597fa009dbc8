import type { DocumentReading, DocumentRequest } from '@pawl/server'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectRefusal } from './running-server/expectations.ts'
import { signIn } from './running-server/first-party-calls.ts'
import { sendTo } from './running-server/http-request.ts'
import { refreshGrantReply } from './running-server/replies.ts'
import { sessionsOf } from './running-server/sessions-of-a-client.ts'
import { type Engine, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const id = 'https://app.example/client.json'
const keys = await generateKeyPair('ES256')
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const document = {
  client_id: id,
  client_name: 'App',
  redirect_uris: ['https://app.example/back'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
}

/** What is published, by URL, and who asked for what. */
interface Web {
  readonly pages: Map<string, DocumentReading>
  readonly asked: DocumentRequest[]
}

function webOf(...documents: readonly Readonly<Record<string, unknown>>[]): Web {
  const pages = documents.map((page): [string, DocumentReading] => [
    String(page['client_id']),
    { kind: 'read', document: page, maxAgeSeconds: undefined },
  ])
  return { pages: new Map(pages), asked: [] }
}

function start(web: Web, more: { readonly engine?: Engine } = {}): Promise<StartedServer> {
  return startServer({
    ...more,
    through: sessionsOf(id),
    configuration: {
      clientDocuments: true,
      fetchDocument: async (request) => {
        web.asked.push(request)
        return web.pages.get(request.url) ?? { kind: 'refused', detail: 'status 404' }
      },
    },
  })
}

/** Asks as a client; what is asked does not matter. */
function ask(server: StartedServer, form: Readonly<Record<string, string>>) {
  return server.send('/oauth/revoke', { form: { token: 'x', ...form } })
}

describe.each(engines)('T18.3 CM-2 a client whose id is the URL of its document, on %s', (engine) => {
  test('is one like others; its document is fetched once, and it has no row', async () => {
    const web = webOf(document)
    await using server = await start(web, { engine })
    const { refresh_token } = await signIn(server)
    const form = { grant_type: 'refresh_token', client_id: id, refresh_token }
    const refreshed = await server.send('/oauth/token', { form })
    expect(refreshed.status, refreshed.text).toBe(200)
    const { access_token, refresh_token: successor } = refreshed.read(refreshGrantReply)
    expect(JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      client_id: id,
    })
    expect((await ask(server, { client_id: id, token: successor })).status).toBe(200)
    expectRefusal(
      await server.send('/oauth/token', { form: { ...form, refresh_token: successor } }),
      'invalid_grant',
      'logout',
    )
    expect(web.asked).toEqual([{ url: id, reach: 'public', largestBytes: 5_120 }])
    expect(await server.storage.listClients()).toEqual([])
  })
})

test('T18.3 CM-2 signs who it is with keys that its document names', async () => {
  const jwks_uri = 'https://app.example/keys'
  const web = webOf({ ...document, token_endpoint_auth_method: 'private_key_jwt', jwks_uri })
  web.pages.set(jwks_uri, { kind: 'read', document: { keys: [await exportJWK(keys.publicKey)] }, maxAgeSeconds: 60 })
  await using server = await start(web)
  const exp = Math.floor(server.clock.now() / 1000) + 60
  const client_assertion = await new SignJWT({ iss: id, sub: id, aud: server.issuer, exp, jti: 'one' })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(keys.privateKey)
  const asserted = { client_assertion_type: assertionType, client_assertion }
  expect((await ask(server, asserted)).status).toBe(200)
  expectRefusal(await ask(server, asserted), 'invalid_client')
  expectRefusal(await ask(server, { client_id: id }), 'invalid_client')
  // A stranger names both URLs.
  expect(web.asked.map(({ url, reach }) => ({ url, reach }))).toEqual([
    { url: id, reach: 'public' },
    { url: jwks_uri, reach: 'public' },
  ])
})

test.each<[string, Readonly<Record<string, unknown>>]>([
  ['another client_id', { client_id: 'https://app.example/other.json' }],
  ['a client_id that only looks the same', { client_id: 'https://app.example:443/client.json' }],
  ['no client_id', { client_id: undefined }],
  ['a secret', { client_secret: 'x'.repeat(32) }],
  ['a secret’s expiry', { client_secret_expires_at: 0 }],
  ['a method with a secret', { token_endpoint_auth_method: 'client_secret_basic' }],
  ['a method that nobody knows', { token_endpoint_auth_method: 'magic' }],
  ['keys that are missing', { token_endpoint_auth_method: 'private_key_jwt' }],
  [
    'keys inside the server’s network',
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://localhost/' },
  ],
  ['a redirect URI without TLS', { redirect_uris: ['http://app.example/back'] }],
  ['no grant that it may have', { grant_types: ['client_credentials'] }],
])('T18.3 CM-2 a document with %s describes no client, and is not kept', async (_, more) => {
  const web = webOf()
  web.pages.set(id, { kind: 'read', document: { ...document, ...more }, maxAgeSeconds: 3_600 })
  await using server = await start(web)
  expectRefusal(await ask(server, { client_id: id }), 'invalid_client')
  web.pages.set(id, { kind: 'read', document, maxAgeSeconds: 60 })
  expect((await ask(server, { client_id: id })).status).toBe(200)
})

test.each([
  'http://app.example/client.json',
  'https://app.example',
  'https://app.example/',
  'https://app.example/a/../client.json',
  'https://app.example/./client.json',
  'https://app.example/a/%2e%2e/client.json',
  'https://app.example/client.json#part',
  'https://app.example/client.json#',
  'https://user@app.example/client.json',
  'https://user:password@app.example/client.json',
  'https://APP.example/client.json',
  'HTTPS://app.example/client.json',
  'https://app.example:443/client.json',
  'https:app.example/client.json',
  'https:\\\\app.example\\client.json',
  'https://',
  `https://app.example/${'x'.repeat(2048)}`,
])('T18.3 CM-1 %s is no id of a client, and nothing is fetched', async (url) => {
  const web = webOf()
  await using server = await start(web)
  expectRefusal(await ask(server, { client_id: url }), 'invalid_client')
  expect(web.asked).toEqual([])
})

test('T18.3 CM-4 a document that cannot be had is 503 for who was never seen, and yesterday’s for who was', async () => {
  const web = webOf(document)
  await using server = await start(web)
  const away: DocumentReading = { kind: 'unavailable', detail: 'unreachable' }
  const never = 'https://other.example/client.json'
  web.pages.set(never, away)
  const reply = await ask(server, { client_id: never })
  expectRefusal(reply, 'temporarily_unavailable', 'client_document_unavailable')
  expect((await ask(server, { client_id: id })).status).toBe(200)
  web.pages.set(id, away)
  server.clock.advanceSeconds(3_600)
  expect((await ask(server, { client_id: id })).status).toBe(200)
  // Gone is gone: whoever takes the document away is a client no longer.
  web.pages.delete(id)
  expectRefusal(await ask(server, { client_id: id }), 'invalid_client')
})

test('T18.3 the metadata says whether documents are read; by default nothing is fetched', async () => {
  const web = webOf(document)
  const said = z.looseObject({ client_id_metadata_document_supported: z.literal(true).optional() })
  const metadata = async ({ origin }: StartedServer) =>
    (await sendTo(`${origin}/.well-known/oauth-authorization-server`)).read(said).client_id_metadata_document_supported
  await using open = await start(web)
  expect(await metadata(open)).toBe(true)
  await using closed = await startServer({
    configuration: { fetchDocument: () => Promise.reject(new Error('nothing is fetched here')) },
  })
  expect(await metadata(closed)).toBeUndefined()
  expectRefusal(await ask(closed, { client_id: id }), 'invalid_client')
})

test('T18.3 by itself the server fetches nothing from its own network', async () => {
  await using server = await startServer({ configuration: { clientDocuments: true } })
  for (const host of [
    '127.0.0.1',
    '127.1',
    '[::1]',
    '10.0.0.1',
    '169.254.169.254',
    '[::ffff:127.0.0.1]',
    '[fd00::1]',
  ]) {
    expectRefusal(await ask(server, { client_id: `https://${host}/client.json` }), 'invalid_client')
  }
})
