import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import {
  AuthorizationServer,
  DateInterval,
  type JwtInterface,
  type OAuthClient,
  OAuthRequest,
  type OAuthToken,
  type ResponseInterface,
} from '@jmondi/oauth2-server'
import jsonwebtoken from 'jsonwebtoken'
import { announce, sessionsWanted } from './announce.ts'

/** @jmondi/oauth2-server with its repositories in maps, access tokens ES256 by the library it itself signs with. */

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwt: JwtInterface = {
  sign: async (payload, options) => {
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) throw new Error('not claims')
    return jsonwebtoken.sign(payload, privateKey, { ...options, algorithm: 'ES256', keyid: 'one' })
  },
  verify: async (token) => {
    const claims = jsonwebtoken.verify(token, publicKey, { algorithms: ['ES256'] })
    return typeof claims === 'string' ? {} : claims
  },
  decode: (token) => jsonwebtoken.decode(token),
}
const client: OAuthClient = {
  id: 'bench',
  name: 'bench',
  redirectUris: [],
  allowedGrants: ['refresh_token'],
  scopes: [],
}
const tokensByRefreshToken = new Map<string, OAuthToken>()

function refreshable(token: OAuthToken): OAuthToken {
  const refreshToken = randomBytes(32).toString('base64url')
  return { ...token, refreshToken, refreshTokenExpiresAt: new Date(Date.now() + 86_400_000) }
}

const server = new AuthorizationServer(
  {
    getByIdentifier: async () => client,
    isClientValid: async () => true,
  },
  {
    issueToken: async (owner, scopes, user) => ({
      accessToken: randomBytes(32).toString('base64url'),
      accessTokenExpiresAt: new DateInterval('15m').getEndDate(),
      client: owner,
      user: user ?? null,
      scopes,
    }),
    issueRefreshToken: async (token) => {
      const issued = refreshable(token)
      tokensByRefreshToken.set(issued.refreshToken ?? '', issued)
      return issued
    },
    // An access token that has no refresh token yet; nothing asks for it again.
    persist: async () => undefined,
    revoke: async (token) => {
      tokensByRefreshToken.delete(token.refreshToken ?? '')
    },
    isRefreshTokenRevoked: async (token) => !tokensByRefreshToken.has(token.refreshToken ?? ''),
    getByRefreshToken: async (token) => {
      const found = tokensByRefreshToken.get(token)
      if (found === undefined) throw new Error('no such token')
      return found
    },
  },
  { getAllByIdentifiers: async () => [], finalize: async (scopes) => scopes },
  jwt,
  { useOpaqueRefreshTokens: true, issuer: 'http://localhost', requiresPKCE: true },
)
server.enableGrantType('refresh_token', new DateInterval('15m'))

async function answer(incoming: IncomingMessage): Promise<ResponseInterface> {
  const body = Object.fromEntries(new URLSearchParams(await text(incoming)))
  return server.respondToAccessTokenRequest(new OAuthRequest({ headers: {}, body }))
}

const tokens = Array.from({ length: sessionsWanted() }, (_, session) => {
  const token = refreshable({
    accessToken: randomBytes(32).toString('base64url'),
    accessTokenExpiresAt: new DateInterval('15m').getEndDate(),
    client,
    user: { id: session },
    scopes: [],
  })
  tokensByRefreshToken.set(token.refreshToken ?? '', token)
  return token.refreshToken ?? ''
})
announce(
  createServer(async (incoming, outgoing) => {
    try {
      const { status, headers, body } = await answer(incoming)
      outgoing.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body))
    } catch (error) {
      outgoing.writeHead(500).end(String(error))
    }
  }),
  { path: '/token', fixed: { grant_type: 'refresh_token', client_id: client.id }, tokens },
)
