import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import OAuth2Server from '@node-oauth/oauth2-server'
import { generateKeyPair, SignJWT } from 'jose'
import { announce, sessionsWanted } from './announce.ts'

/** @node-oauth/oauth2-server with its model in maps; `jwt`: access tokens signed by jose, `opaque`: random ones. */

const [, , , kind = 'jwt'] = process.argv
const { privateKey } = await generateKeyPair('ES256')
const client: OAuth2Server.Client = { id: 'bench', grants: ['refresh_token'], accessTokenLifetime: 900 }
const refreshTokens = new Map<string, OAuth2Server.RefreshToken>()
const accessTokens = new Map<string, OAuth2Server.Token>()

const model: OAuth2Server.RefreshTokenModel = {
  getClient: async (id) => (id === client.id ? client : null),
  getRefreshToken: async (token) => refreshTokens.get(token) ?? null,
  revokeToken: async (token) => refreshTokens.delete(token.refreshToken),
  saveToken: async (token, owner, user) => {
    const saved: OAuth2Server.Token = { ...token, client: owner, user }
    const { refreshToken } = token
    // Each chain keeps its newest access token, so that the map does not grow with the time it is measured.
    accessTokens.set(String(user['id']), saved)
    if (refreshToken !== undefined) refreshTokens.set(refreshToken, { ...saved, refreshToken })
    return saved
  },
  getAccessToken: async () => null,
  ...(kind === 'jwt' && {
    generateAccessToken: async (owner: OAuth2Server.Client, user: OAuth2Server.User) =>
      new SignJWT({ client_id: owner.id, sid: String(user['id']) })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'one' })
        .setIssuer('http://localhost')
        .setSubject(String(user['id']))
        .setAudience('http://localhost')
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('15m')
        .sign(privateKey),
  }),
}
const server = new OAuth2Server({
  model,
  requireClientAuthentication: { refresh_token: false },
  alwaysIssueNewRefreshToken: true,
})

async function answer(incoming: IncomingMessage): Promise<OAuth2Server.Response> {
  const body = Object.fromEntries(new URLSearchParams(await text(incoming)))
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
  const request = new OAuth2Server.Request({ method: 'POST', query: {}, headers, body })
  const response = new OAuth2Server.Response()
  await server.token(request, response)
  return response
}

const tokens = Array.from({ length: sessionsWanted() }, (_, session) => {
  const refreshToken = randomBytes(32).toString('base64url')
  const refreshTokenExpiresAt = new Date(Date.now() + 86_400_000)
  refreshTokens.set(refreshToken, { refreshToken, refreshTokenExpiresAt, client, user: { id: session } })
  return refreshToken
})
announce(
  createServer(async (incoming, outgoing) => {
    const { status = 500, headers, body } = await answer(incoming).catch(() => new OAuth2Server.Response())
    outgoing.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body))
  }),
  { path: '/token', fixed: { grant_type: 'refresh_token', client_id: client.id }, tokens },
)
