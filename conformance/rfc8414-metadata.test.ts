import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sendTo } from './running-server/http-request.ts'
import { startServer } from './running-server/started-server.ts'

const document = z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())]))
const confidential = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
const wellKnown = '/.well-known/oauth-authorization-server'

describe('rfc8414-3: authorization server metadata', () => {
  test.each(['', '/id', '/deep/er/id'])(
    'below the path %j both forms answer the same document (MD-1)',
    async (basePath) => {
      await using server = await startServer({ basePath })
      const places = [server.origin + wellKnown + basePath, server.origin + basePath + wellKnown]
      const replies = await Promise.all(places.map((url) => sendTo(url)))
      const [inserted, appended] = replies.map((reply) => reply.read(document))
      expect(inserted).toEqual(appended)
      // MD-2: identical to the identifier that the URL was built from, or a client throws it away.
      expect(inserted?.['issuer']).toBe(server.origin + basePath)
      for (const reply of replies) {
        expect(reply.status).toBe(200)
        expect(reply.headers.get('content-type')).toMatch(/^application\/json\b/)
        expect(reply.headers.get('cache-control')).toBe('public, max-age=300')
      }
    },
  )

  test('at the place of an issuer with another path there is none', async () => {
    await using server = await startServer({ basePath: '/id' })
    const paths = [
      `${wellKnown}/other`,
      `${wellKnown}/id/`,
      `${wellKnown}/id/id`,
      `/other${wellKnown}`,
      `/id${wellKnown}/id`,
    ]
    for (const path of paths) expect((await sendTo(server.origin + path)).status, path).toBe(404)
  })

  test('states what has an unsafe default, and names nothing that does not exist (MD-3)', async () => {
    await using server = await startServer({ basePath: '/id' })
    const metadata = (await sendTo(`${server.origin}${wellKnown}/id`)).read(document)
    expect(metadata).toEqual({
      issuer: server.issuer,
      authorization_endpoint: `${server.issuer}/oauth/authorize`,
      authorization_response_iss_parameter_supported: true,
      token_endpoint: `${server.issuer}/oauth/token`,
      pushed_authorization_request_endpoint: `${server.issuer}/oauth/par`,
      require_pushed_authorization_requests: false,
      device_authorization_endpoint: `${server.issuer}/oauth/device_authorization`,
      end_session_endpoint: `${server.issuer}/oauth/logout`,
      userinfo_endpoint: `${server.issuer}/oauth/userinfo`,
      revocation_endpoint: `${server.issuer}/oauth/revoke`,
      introspection_endpoint: `${server.issuer}/oauth/introspect`,
      jwks_uri: `${server.issuer}/oauth/jwks`,
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      code_challenge_methods_supported: ['S256'],
      prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
      acr_values_supported: ['urn:pawl:acr:password'],
      scopes_supported: ['openid', 'profile'],
      claims_supported: ['sub', 'auth_time', 'acr', 'amr', 'sid', 'preferred_username'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      token_endpoint_auth_methods_supported: ['none', ...confidential],
      token_endpoint_auth_signing_alg_values_supported: ['ES256', 'Ed25519', 'RS256'],
      revocation_endpoint_auth_methods_supported: ['none', ...confidential],
      revocation_endpoint_auth_signing_alg_values_supported: ['ES256', 'Ed25519', 'RS256'],
      introspection_endpoint_auth_methods_supported: confidential,
      introspection_endpoint_auth_signing_alg_values_supported: ['ES256', 'Ed25519', 'RS256'],
      refresh_token_expiration_types_supported: ['authorization', 'credential'],
    })
    for (const [name, url] of Object.entries(metadata)) {
      if (!name.endsWith('_endpoint') && name !== 'jwks_uri') continue
      const reply = await sendTo(String(url), name === 'jwks_uri' ? {} : { form: {} })
      expect({ name, found: reply.status !== 404 && reply.status !== 405 }).toEqual({ name, found: true })
    }
  })

  test('nothing in it comes from the Host of the request', async () => {
    await using server = await startServer({ issuer: 'https://id.example' })
    const reply = await server.send(wellKnown, {
      headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    })
    expect(reply.text).not.toMatch(/evil|localhost|127\.0\.0\.1/)
    expect(reply.read(document)['issuer']).toBe('https://id.example')
  })
})
