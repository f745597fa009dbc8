import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import { z } from 'zod'
import { announce, sessionsWanted } from './announce.ts'

/** better-auth as an OAuth provider on SQLite, every commit on the disk, access tokens ES256. */

const [, , , folder = '.'] = process.argv
const origin = 'http://localhost:3000'
const base = `${origin}/api/auth`
const clientId = 'bench'
const resource = `${origin}/api`
const database = new DatabaseSync(join(folder, 'better-auth.db'))
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')

const auth = betterAuth({
  baseURL: origin,
  secret: randomBytes(32).toString('base64url'),
  database,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  disabledPaths: ['/token'],
  plugins: [
    jwt({ jwks: { keyPairConfig: { alg: 'ES256' } }, disableSettingJwtHeader: true }),
    // @ts-expect-error: its types do not hold where undefined is no optional property
    oauthProvider({
      loginPage: '/sign-in',
      consentPage: '/consent',
      scopes: ['openid', 'offline_access', 'api'],
      resources: [resource],
      enforcePerClientResources: false,
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
})
await (await getMigrations(auth.options)).runMigrations()

const signedUp = await auth.handler(
  new Request(`${base}/sign-up/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ name: 'Ann', email: 'ann@example.com', password: 'violet-harbour-seventeen' }),
  }),
)
const cookie = signedUp.headers
  .getSetCookie()
  .map((line) => line.split(';', 1)[0])
  .join('; ')
const redirectUri = 'https://app.example/callback'
const { adapter } = await auth.$context
await adapter.create({
  model: 'oauthClient',
  data: {
    clientId,
    redirectUris: [redirectUri],
    tokenEndpointAuthMethod: 'none',
    public: true,
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    scopes: ['offline_access', 'api'],
    skipConsent: true,
    createdAt: new Date(),
    updatedAt: new Date(),
  },
})

const reply = z.looseObject({ refresh_token: z.string() })

async function openSession(): Promise<string> {
  const verifier = randomBytes(32).toString('base64url')
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: 'offline_access api',
    state: 'any',
    resource,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const authorized = await auth.handler(new Request(`${base}/oauth2/authorize?${asked}`, { headers: { cookie } }))
  const code = new URL(authorized.headers.get('location') ?? '', origin).searchParams.get('code')
  if (code === null) throw new Error(`no code: ${authorized.status} ${authorized.headers.get('location')}`)
  const exchanged = await auth.handler(
    new Request(`${base}/oauth2/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: clientId,
        redirect_uri: redirectUri,
        code,
        code_verifier: verifier,
        resource,
      }),
    }),
  )
  return reply.parse(await exchanged.json()).refresh_token
}

const tokens: string[] = []
for (let number = 0; number < sessionsWanted(); number += 1) tokens.push(await openSession())
const handler = toNodeHandler(auth)
announce(
  createServer((request, response) => void handler(request, response)),
  {
    path: '/api/auth/oauth2/token',
    fixed: { grant_type: 'refresh_token', client_id: clientId, resource },
    tokens,
  },
)
