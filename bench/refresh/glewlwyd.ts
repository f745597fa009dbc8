import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { findFreePort } from '../../conformance/running-server/free-port.ts'
import type { StartedProgram } from './started-program.ts'

const command = '/usr/bin/glewlwyd'
const schema = '/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz'

/** Whether the Debian package is there. */
export function hasGlewlwyd(): boolean {
  return existsSync(command) && existsSync(schema)
}

/** Starts glewlwyd on SQLite with a write-ahead log, access tokens ES256, and opens so many sessions. */
export async function startGlewlwyd(sessions: number): Promise<StartedProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-bench-'))
  const port = await findFreePort()
  const database = new DatabaseSync(join(folder, 'glewlwyd.db'))
  database.exec(gunzipSync(readFileSync(schema)).toString())
  // Its default, a rollback journal, makes it several times slower.
  database.exec('PRAGMA journal_mode = WAL')
  database.close()
  const settings = join(folder, 'settings')
  writeFileSync(settings, settingsOf(port, folder))
  const output = openSync(join(folder, 'output'), 'a')
  const program = spawn(command, [`--config-file=${settings}`], { stdio: ['ignore', output, output] })
  const ended = once(program, 'exit')
  const stop = async () => {
    program.kill('SIGTERM')
    await ended
    closeSync(output)
    await rm(folder, { recursive: true })
  }
  try {
    await configure(port)
    const tokens: string[] = []
    for (let number = 0; number < sessions; number += 1) tokens.push(await openSession(port))
    return {
      pid: program.pid ?? 0,
      port,
      form: { path: '/api/oidc/token', type: 'form', fixed: refreshParameters, attempts: false },
      tokens,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const refreshParameters = { grant_type: 'refresh_token' }
const person = { username: 'ann', password: 'violet-harbour-seventeen' }

function settingsOf(port: number, folder: string): string {
  const modules = '/usr/lib/glewlwyd'
  return `
port=${port}
bind_address="127.0.0.1"
external_url="http://localhost:${port}"
api_prefix="api"
log_mode="file"
log_level="ERROR"
log_file="${folder}/log"
cookie_domain="localhost"
cookie_secure=0
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="${modules}/user"
user_middleware_module_path="${modules}/user_middleware"
client_module_path="${modules}/client"
user_auth_scheme_module_path="${modules}/scheme"
plugin_module_path="${modules}/plugin"
hash_algorithm="SHA512"
database = { type = "sqlite3"; path = "${folder}/glewlwyd.db"; };
`
}

/** Signs in as the administrator that every new installation has, and sets up what a refresh needs. */
async function configure(port: number): Promise<void> {
  const signedIn = await whenUp(() => send(port, 'auth/', { username: 'admin', password: 'password' }))
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const parameters = {
    iss: `http://localhost:${port}`,
    'jwt-type': 'ecdsa',
    'jwt-key-size': '256',
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: publicKey.export({ type: 'spki', format: 'pem' }),
    'access-token-duration': 900,
    'refresh-token-duration': 1_209_600,
    'code-duration': 600,
    'refresh-token-rolling': true,
    'refresh-token-one-use': 'always',
    'allow-non-oidc': true,
    'auth-type-code-enabled': true,
    'auth-type-password-enabled': true,
    'auth-type-refresh-enabled': true,
    'auth-type-token-enabled': false,
    'auth-type-client-enabled': false,
    'auth-type-none-enabled': false,
    'auth-type-implicit-enabled': false,
    'auth-type-device-enabled': false,
    'subject-type': 'public',
    'jwks-show': true,
  }
  await send(
    port,
    'mod/plugin/',
    { module: 'oidc', name: 'oidc', display_name: 'oidc', order_rank: 0, parameters },
    cookie,
  )
  await send(port, 'scope/', { name: 'api', display_name: 'api', password_required: true, scheme: {} }, cookie)
  await send(port, 'user/', { ...person, scope: ['api'], enabled: true }, cookie)
}

async function whenUp(work: () => Promise<Response>): Promise<Response> {
  for (let left = 50; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      if (left === 0) throw error
      await pause(100)
    }
  }
}

async function send(port: number, path: string, body: object, cookie = ''): Promise<Response> {
  const headers = { 'content-type': 'application/json', cookie }
  const reply = await fetch(`http://127.0.0.1:${port}/api/${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  if (!reply.ok) throw new Error(`glewlwyd answered ${path} with ${reply.status}: ${await reply.text()}`)
  return reply
}

async function openSession(port: number): Promise<string> {
  const body = new URLSearchParams({ grant_type: 'password', scope: 'api', ...person })
  const reply = await fetch(`http://127.0.0.1:${port}/api/oidc/token`, { method: 'POST', body })
  const text = await reply.text()
  if (!reply.ok) throw new Error(`glewlwyd opened no session: ${reply.status} ${text}`)
  return z.looseObject({ refresh_token: z.string() }).parse(JSON.parse(text)).refresh_token
}
