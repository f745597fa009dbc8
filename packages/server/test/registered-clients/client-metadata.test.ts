import { describe, expect, test } from 'vitest'
import { readClientMetadata } from '../../src/registered-clients/client-metadata.ts'
import { isOpenRedirectUri } from '../../src/registered-clients/redirect-uri.ts'

const limits = { scopes: ['read', 'write'], resources: [] }
const redirect_uris = ['https://app.example/back']
const key = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }

function read(document: Readonly<Record<string, unknown>>): unknown {
  const grant_types = ['authorization_code', 'refresh_token']
  const reading = readClientMetadata({ grant_types, redirect_uris, ...document }, limits)
  return reading.ok ? reading.metadata : reading.error
}

describe('AZ-2 MC-5 rfc8252-7: a redirect URI of a client that nobody knows', () => {
  test.each([
    'https://app.example/back',
    'https://app.example:8443/back?a=1&b=%20',
    'http://127.0.0.1/back',
    'http://127.0.0.1:51004/back',
    'http://[::1]:51004/',
    'http://localhost:3000/back',
    'com.example.app:/oauth/back',
    'com.example.app://back',
  ])('%s may be one', (uri) => {
    expect(isOpenRedirectUri(uri)).toBe(true)
  })

  test.each([
    '',
    '/back',
    '//app.example/back',
    'https:app.example',
    'https:/app.example',
    'https:///app.example',
    'https:\\\\app.example',
    'https://app.example/back#part',
    'https://app.example/back#',
    'https://user@app.example/back',
    'https://user:password@app.example/back',
    'https://*.app.example/back',
    'https://app.example/*',
    'https://app.example/a b',
    'https://äpp.example/',
    'https://app.example/\u202eback',
    'https://',
    'http://app.example/back',
    'http://127.0.0.1.app.example/',
    'http://localhost.app.example/',
    'http:127.0.0.1/back',
    'http://0.0.0.0/back',
    'myapp:/back',
    'javascript:alert(1)',
    'data:text/html,x',
    'blob:https://app.example/x',
    'file:///etc/passwd',
    'about:blank',
    'urn:ietf:wg:oauth:2.0:oob',
    `https://app.example/${'x'.repeat(2048)}`,
  ])('%j may not', (uri) => {
    expect(isOpenRedirectUri(uri)).toBe(false)
    expect(read({ redirect_uris: [uri] })).toBe('invalid_redirect_uri')
    expect(read({ redirect_uris: [...redirect_uris, uri] })).toBe('invalid_redirect_uri')
  })
})

describe('DC-1 DC-3 rfc7591-2: what a client says of itself', () => {
  test('is kept as far as the server knows it and offers it', () => {
    const read_ = read({
      client_name: ' Notes\n\u202efor\u0000 everyone ',
      scope: 'write admin',
      grant_types: ['refresh_token', 'client_credentials', 'implicit', 'authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      contacts: ['a@app.example'],
      jwks_uri: 'http://127.0.0.1/',
      software_statement: 'a.b.c',
    })
    expect(read_).toMatchObject({
      authentication: 'none',
      redirectUris: redirect_uris,
      scopes: ['write'],
      name: 'Notes for everyone',
      grants: expect.arrayContaining(['refresh_token']),
    })
    expect(read_).not.toHaveProperty('grants', expect.arrayContaining(['client_credentials']))
    expect(read_).not.toHaveProperty('assertionKeys')
  })

  test('without a scope it may ask for all that such clients may have; by default it has a secret', () => {
    expect(read({})).toMatchObject({ authentication: 'client_secret_basic', scopes: ['read', 'write'] })
    expect(read({ scope: '' })).toMatchObject({ scopes: [] })
    expect(read({ client_name: '\u200b\n' })).not.toHaveProperty('name')
    expect(read({ client_name: '😀'.repeat(150) })).toMatchObject({ name: '😀'.repeat(100) })
  })

  test('CA-5 with private_key_jwt it has keys, here or at an https URL', () => {
    const signs = { token_endpoint_auth_method: 'private_key_jwt' }
    expect(read({ ...signs, jwks: { keys: [key] } })).toMatchObject({ assertionKeys: { algorithm: 'Ed25519' } })
    const published = { ...signs, jwks_uri: 'https://app.example/keys', token_endpoint_auth_signing_alg: 'RS256' }
    expect(read(published)).toMatchObject({
      assertionKeys: { algorithm: 'RS256', jwksUri: 'https://app.example/keys' },
    })
  })

  test('a code needs a place to go to', () => {
    expect(read({ redirect_uris: undefined })).toBe('invalid_redirect_uri')
    expect(read({ redirect_uris: [] })).toBe('invalid_redirect_uri')
  })

  test.each<Readonly<Record<string, unknown>>>([
    { redirect_uris: 'https://app.example/back' },
    { redirect_uris: [7] },
    { redirect_uris: null },
    { redirect_uris: Array.from({ length: 21 }, (_, index) => `https://app.example/${index}`) },
  ])('invalid_redirect_uri: %j', (document) => {
    expect(read(document)).toBe('invalid_redirect_uri')
  })

  test.each<Readonly<Record<string, unknown>>>([
    { grant_types: 'authorization_code' },
    { grant_types: [] },
    { grant_types: ['client_credentials'] },
    { grant_types: ['implicit'] },
    { grant_types: [null] },
    { response_types: ['token'] },
    { response_types: ['code', 'id_token'] },
    { response_types: [] },
    { response_types: 'code' },
    { grant_types: ['refresh_token'], response_types: ['code'] },
    { token_endpoint_auth_method: 'client_secret_jwt' },
    { token_endpoint_auth_method: 7 },
    { token_endpoint_auth_method: null },
    { scope: ['read'] },
    { client_name: 7 },
    { token_endpoint_auth_method: 'private_key_jwt' },
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } },
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, d: 'x' }] } },
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] }, jwks_uri: 'https://app.example/keys' },
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://localhost/keys' },
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 7 },
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] }, token_endpoint_auth_signing_alg: 'none' },
  ])('invalid_client_metadata: %j', (document) => {
    expect(read(document)).toBe('invalid_client_metadata')
  })
})
