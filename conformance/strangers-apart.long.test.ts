import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createVerifier } from '@pawl/verifier'
import { protect, resourceMetadata } from '@pawl/verifier/express'
import { protectedResourceMetadata } from '@pawl/verifier/resource-metadata'
import express from 'express'
import { CookieJar } from 'tough-cookie'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { addApp, claimsOf, sitDown } from './running-server/authorization.ts'
import { eventually } from './running-server/eventually.ts'
import { findFreePort } from './running-server/free-port.ts'
import { sendTo } from './running-server/http-request.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

const folder = fileURLToPath(new URL('strangers/', import.meta.url))
const setup = fileURLToPath(new URL('../setup/install.mjs', import.meta.url))

/** These clients go by the real time, so the server's clock is set to it. */
async function startNow(): Promise<StartedServer> {
  const server = await startServer()
  server.clock.advanceMilliseconds(Date.now() - server.clock.now())
  return server
}

/** Runs a client as a process of its own; a person goes where it wants a browser to go, and it is told of the answer. */
async function run(
  program: string,
  words: readonly string[],
  server: StartedServer,
  interpreter: string = process.execPath,
): Promise<unknown> {
  const child: ChildProcess = spawn(interpreter, [folder + program, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const output = createInterface({ input: child.stdout ?? process.stdin })
  const lines = output[Symbol.asyncIterator]()
  const ended = once(child, 'exit')
  const next = async () => JSON.parse(z.string().parse((await lines.next()).value))
  const { visit } = z.object({ visit: z.string() }).parse(await next())
  const url = new URL(visit)
  const person = sitDown(server)
  const page = await person.send(await person.open(url.pathname + url.search), alice)
  const { reply } = await person.send(page, { allow: 'yes' })
  child.stdin?.write(`${reply.headers.get('location')}\n`)
  const result: unknown = await next()
  child.stdin?.end()
  expect(await ended).toEqual([0, null])
  return result
}

/** An MCP server that says hello, and is particular about who says it. */
async function startMcpServer(
  issuer: string,
): Promise<{ readonly url: string; readonly origin: string } & AsyncDisposable> {
  const port = await findFreePort()
  const origin = `http://127.0.0.1:${port}`
  const url = `${origin}/mcp`
  const resource = protectedResourceMetadata({ resource: url, issuers: [issuer], scopes: ['read'] })
  const verifier = createVerifier({ issuer, audience: url, resourceMetadata: resource })
  const app = express()
  app.use(resourceMetadata(verifier))
  app.post('/mcp', protect(verifier, { require: { scope: ['read'] } }), express.json(), (request, response) => {
    const { id, method, params } = request.body
    if (method !== 'initialize') return response.status(202).end()
    const serverInfo = { name: 'hello', version: '1.0.0' }
    const result = { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo }
    return response.json({ jsonrpc: '2.0', id, result })
  })
  app.get('/mcp', (_, response) => response.status(405).end())
  const listener = app.listen(port, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url,
    origin,
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      listener.close()
      await once(listener, 'close')
    },
  }
}

const tokens = z.object({ access_token: z.string(), refresh_token: z.string() })

describe('published clients in processes of their own', () => {
  beforeAll(() => {
    execFileSync(process.execPath, [setup, folder], { stdio: 'inherit' })
  })

  test('T18.1 T18.5 the MCP TypeScript SDK finds its way from a 401 to the authorization server, calls, and refreshes', async () => {
    await using server = await startNow()
    await using mcp = await startMcpServer(server.issuer)
    const redirectUri = 'http://127.0.0.1:1234/back'
    await addApp(server, { redirectUris: ['http://127.0.0.1/back'], scopes: ['read'], resources: [mcp.url] })

    const challenged = await sendTo(mcp.url, { json: {} })
    expect(challenged.status).toBe(401)
    const place = `${mcp.origin}/.well-known/oauth-protected-resource/mcp`
    expect(challenged.headers.get('www-authenticate')).toContain(`resource_metadata="${place}"`)
    expect(JSON.parse((await sendTo(place)).text)).toMatchObject({
      resource: mcp.url,
      authorization_servers: [server.issuer],
    })

    const result = z
      .object({ name: z.string(), refreshed: z.string(), before: tokens, after: tokens })
      .parse(await run('mcp-client.mjs', [mcp.url, redirectUri], server))
    expect(result).toMatchObject({ name: 'hello', refreshed: 'AUTHORIZED' })
    expect(result.after.refresh_token).not.toBe(result.before.refresh_token)
    // T18.2: the token is for this resource and no other.
    expect(claimsOf(result.after.access_token)['aud']).toBe(mcp.url)
  })

  test('@auth/core signs a user in', async () => {
    await using server = await startNow()
    const origin = 'http://localhost:1234'
    await addApp(server, { redirectUris: [`${origin}/auth/callback/pawl`] })
    expect(await run('auth-core.mjs', [server.issuer, origin], server)).toMatchObject({
      user: { name: alice.username },
    })
  })
})

/** Where Debian's packages put what is looked for here. */
const places = {
  authlib: '/usr/lib/python3/dist-packages/authlib',
  openidcModule: '/usr/lib/apache2/modules/mod_auth_openidc.so',
} as const

describe.skipIf(!existsSync(places.authlib))('Authlib (needs python3-authlib and python3-requests)', () => {
  test('signs in, checks the id token, refreshes and revokes', async () => {
    await using server = await startNow()
    const redirectUri = 'https://app.example/callback'
    const secret = await addApp(server, { type: 'confidential' })
    const words = [server.issuer, 'app', secret, redirectUri]
    const result = await run('authlib_client.py', words, server, '/usr/bin/python3')
    expect(result).toEqual({ name: alice.username, revoked: 200 })
  })
})

/** An Apache that lets nobody see its page who has not signed in with the issuer. */
async function startApache(settings: Readonly<Record<string, string>>, port: number): Promise<AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'pawl-apache-'))
  await chmod(root, 0o755)
  await writeFile(join(root, 'index.html'), '<p>the protected page</p>', { mode: 0o644 })
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'headers', 'auth_openidc']
  const account = process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : []
  const lines = [
    `ServerRoot ${root}`,
    `Listen 127.0.0.1:${port}`,
    `ServerName localhost:${port}`,
    `PidFile ${root}/pid`,
    `ErrorLog ${root}/errors`,
    ...account,
    ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    ...Object.entries(settings).map(([name, value]) => `OIDC${name} ${value}`),
    `DocumentRoot ${root}`,
    'DirectoryIndex index.html',
    '<Location />',
    'AuthType openid-connect',
    'Require valid-user',
    // It tells people from scripts by Sec-Fetch-Mode, which a script cannot set.
    'OIDCUnAuthAction auth true',
    'Header set X-Signed-In "expr=%{REMOTE_USER}"',
    '</Location>',
  ]
  await writeFile(join(root, 'apache.conf'), `${lines.join('\n')}\n`)
  const child = spawn('/usr/sbin/apache2', ['-f', join(root, 'apache.conf'), '-DFOREGROUND'], { stdio: 'inherit' })
  await eventually(() => sendTo(`http://localhost:${port}/`).then(({ status }) => status > 0))
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(root, { recursive: true, force: true })
    },
  }
}

describe.skipIf(!existsSync(places.openidcModule))('mod_auth_openidc (needs libapache2-mod-auth-openidc)', () => {
  test('protects a page by signing its reader in', async () => {
    await using server = await startNow()
    const port = await findFreePort()
    const origin = `http://localhost:${port}`
    const secret = await addApp(server, {
      type: 'confidential',
      redirectUris: [`${origin}/back`],
      scopes: ['openid', 'profile'],
    })
    await using _ = await startApache(
      {
        ProviderMetadataURL: `${server.issuer}/.well-known/openid-configuration`,
        ClientID: 'app',
        ClientSecret: secret,
        RedirectURI: `${origin}/back`,
        CryptoPassphrase: secret,
        PKCEMethod: 'S256',
        IDTokenSignedResponseAlg: 'ES256',
        Scope: '"openid profile"',
        RemoteUserClaim: 'preferred_username',
        StateMaxNumberOfCookies: '7 true',
      },
      port,
    )
    const jar = new CookieJar()
    const visit = async (url: string) => {
      const reply = await sendTo(url, { headers: { cookie: await jar.getCookieString(url), accept: 'text/html' } })
      for (const line of reply.setCookies) await jar.setCookie(line, url)
      return reply
    }
    const first = await visit(`${origin}/`)
    expect(first.status).toBe(302)
    const sent = new URL(first.headers.get('location') ?? '')
    const person = sitDown(server)
    const page = await person.send(await person.open(sent.pathname + sent.search), alice)
    const { reply } = await person.send(page, { allow: 'yes' })
    const back = await visit(reply.headers.get('location') ?? '')
    expect(back.headers.get('location')).toBe(`${origin}/`)
    const shown = await visit(`${origin}/`)
    expect(shown.text).toContain('the protected page')
    expect(shown.headers.get('x-signed-in')).toContain(alice.username)
  })
})
