import { describe, expect, test } from 'vitest'
import { challenge } from '../src/index.ts'
import { resourceMetadata } from '../src/middleware/fetch-handler.ts'
import { protectedResourceMetadata } from '../src/resource-metadata.ts'
import { audience, createIssuer, issuer } from './issuer-fixture.ts'

const issuers = [issuer]

describe('PR-1 the description of an API (RFC 9728)', () => {
  test.each([
    ['https://api.example', '', 'https://api.example'],
    ['https://api.example/', '', 'https://api.example'],
    ['https://api.example/v1', '/v1', 'https://api.example'],
    ['https://api.example/v1/notes/', '/v1/notes/', 'https://api.example'],
    ['https://api.example:8443/v1', '/v1', 'https://api.example:8443'],
    ['http://localhost:3000', '', 'http://localhost:3000'],
  ])('rfc9728-3.1 of %s is where the well-known name goes before the path', (resource, path, origin) => {
    const metadata = protectedResourceMetadata({ resource, issuers })
    expect(metadata.path).toBe(`/.well-known/oauth-protected-resource${path}`)
    expect(metadata.url).toBe(origin + metadata.path)
    // Character by character as it was given: clients compare.
    expect(metadata.document.resource).toBe(resource)
  })

  test('rfc9728-2 it names the issuers, how tokens are sent, and what else is said', () => {
    expect(protectedResourceMetadata({ resource: audience, issuers }).document).toEqual({
      resource: audience,
      authorization_servers: issuers,
      bearer_methods_supported: ['header'],
    })
    const more = { scopes: ['notes:read'], name: 'Notes', documentation: 'https://docs.example' }
    expect(protectedResourceMetadata({ resource: audience, issuers, ...more }).document).toMatchObject({
      scopes_supported: ['notes:read'],
      resource_name: 'Notes',
      resource_documentation: 'https://docs.example',
    })
  })

  test.each([
    'api.example',
    'urn:notes',
    'http://api.example',
    'https://api.example?x=1',
    'https://api.example#x',
    '',
    'ftp://a',
  ])('rfc9728-1.2 %j cannot be described', (resource) => {
    expect(() => protectedResourceMetadata({ resource, issuers })).toThrow(TypeError)
  })
})

describe('PR-2 a verifier that knows the description', () => {
  const metadata = protectedResourceMetadata({ resource: audience, issuers })

  test('says in each challenge where it is', async () => {
    const { verifier, token } = createIssuer({ resourceMetadata: metadata })
    const location = `resource_metadata="${metadata.url}"`
    const challengeOf = async (input: string | Request) => {
      const verification = await verifier.verify(input, { require: { scope: ['notes:delete'] } })
      return verification.ok ? undefined : challenge(verification.refusal)
    }
    expect(await challengeOf(new Request(audience))).toBe(
      `Bearer realm="${audience}", scope="notes:delete", ${location}`,
    )
    expect(await challengeOf('x')).toContain(location)
    expect(await challengeOf(await token())).toContain(location)
    const plain = await createIssuer().verifier.verify('x')
    expect(plain.ok ? '' : challenge(plain.refusal)).not.toContain('resource_metadata')
  })

  test('has to be the one that is described', () => {
    const { createVerifier } = createIssuer()
    const other = protectedResourceMetadata({ resource: 'https://other.example', issuers })
    expect(() => createVerifier({ resourceMetadata: other })).toThrow(/resourceMetadata/)
    expect(() =>
      createVerifier({ audience: [audience, 'https://other.example'], resourceMetadata: other }),
    ).not.toThrow()
  })

  test('is needed to serve it', () => {
    expect(() => resourceMetadata(createIssuer().verifier)).toThrow(/resourceMetadata/)
  })
})
