import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider'
import { announce, sessionsWanted } from './announce.ts'

/** oidc-provider, access tokens ES256 JWTs, its state in one Map: its own memory adapter forgets beyond 1,000 entries. */

const stored = new Map<string, AdapterPayload>()
const ofGrant = new Map<string, string[]>()

function adapter(name: string): Adapter {
  const keyOf = (id: string) => `${name}:${id}`
  return {
    upsert: async (id, payload) => {
      stored.set(keyOf(id), payload)
      const { grantId } = payload
      if (grantId !== undefined) ofGrant.set(grantId, [...(ofGrant.get(grantId) ?? []).slice(-4), keyOf(id)])
    },
    find: async (id) => stored.get(keyOf(id)),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: async (id) => {
      const payload = stored.get(keyOf(id))
      if (payload !== undefined) payload['consumed'] = Math.floor(Date.now() / 1000)
    },
    destroy: async (id) => {
      stored.delete(keyOf(id))
    },
    revokeByGrantId: async (grantId) => {
      for (const key of ofGrant.get(grantId) ?? []) stored.delete(key)
    },
  }
}

const resource = 'http://localhost/api'
const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const issuer = 'http://localhost'
const provider = new Provider(issuer, {
  adapter,
  jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'one', use: 'sig', alg: 'ES256' }] },
  clients: [
    {
      client_id: 'bench',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: ['http://localhost/callback'],
      application_type: 'native',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  cookies: { keys: ['not a secret'] },
  findAccount: async (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 900,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  ttl: { AccessToken: 900, RefreshToken: 86_400, Grant: 86_400, Session: 86_400, IdToken: 900, Interaction: 900 },
})

async function openSession(number: number): Promise<string> {
  const client = await provider.Client.find('bench')
  if (client === undefined) throw new Error('no client')
  const accountId = `account-${number}`
  const grant = new provider.Grant({ accountId, clientId: client.clientId })
  grant.addResourceScope(resource, 'api')
  const grantId = await grant.save()
  const token = new provider.RefreshToken({
    accountId,
    client,
    grantId,
    scope: 'api',
    resource,
    gty: 'authorization_code',
    authTime: Math.floor(Date.now() / 1000),
  })
  return token.save()
}

const tokens: string[] = []
for (let number = 0; number < sessionsWanted(); number += 1) tokens.push(await openSession(number))
announce(createServer(provider.callback()), {
  path: '/token',
  fixed: { grant_type: 'refresh_token', client_id: 'bench' },
  tokens,
})
