import { pino } from 'pino'
import { expect } from 'vitest'
import { z } from 'zod'
import { type DescribedOperation, drawFrom, generateRequest, type Known, readOperations } from './generated-requests.ts'
import { addClient, basic } from './registered-clients.ts'
import { alice, type Engine, type StartedServer, startServer } from './started-server.ts'

/** What came of many requests. */
export interface Tally {
  /** By operation: how many were answered with which status. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<number, number>>
  /** Answers of 500 and above, and statuses that the document does not tell of. */
  readonly faults: readonly string[]
}

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** Passwords are hashed on purpose slowly, and after the last of these nobody is signed in any more. */
const rare = new Set(['/auth/login', '/auth/register', '/auth/password', '/auth/logout-everywhere'])
const rareShare = 0.03
const atOnce = 16
const mostKept = 40
const answerMilliseconds = 60_000

/** Kept of replies, to be sent again. */
const kept = new Set([
  'access_token',
  'refresh_token',
  'client_id',
  'client_secret',
  'registration_access_token',
  'session_id',
])
const reply = z.record(z.string(), z.unknown())
const tokens = ['token', 'subject_token', 'actor_token']
/** Under which other names what a reply gave is sent. */
const sentAs: Readonly<Record<string, readonly string[]>> = {
  access_token: tokens,
  refresh_token: tokens,
  registration_access_token: tokens,
  client_id: ['path'],
  session_id: ['path'],
}

/**
 * Sends requests that are made from the server's own OpenAPI document, with what its replies give, and lets its clock run.
 *
 * @param onWay called after every thousandth
 */
export async function sendAtRandom(
  wishes: { readonly engine: Engine; readonly count: number; readonly seed: number },
  onWay: (sent: number) => void = () => undefined,
): Promise<Tally> {
  const faults: string[] = []
  // Of the log only faults are kept: the rest would grow with every request.
  const logger = pino({ level: 'error' }, { write: (line: string) => faults.push(line) })
  const configuration = { clientRegistration: true, registration: true, openClientScopes: ['read'], logger }
  await using server = await startServer({ engine: wishes.engine, configuration })
  const pools = await knownTo(server)
  const operations = readOperations(JSON.parse((await server.send('/openapi.json')).text))
  const draw = drawFrom(wishes.seed)
  const statuses = new Map<string, Map<number, number>>()
  let sent = 0

  async function one(operation: DescribedOperation): Promise<void> {
    const request = generateRequest(operation, pools.known(), draw)
    const name = `${operation.method} ${operation.path}`
    const { status, text } = await ask(server, request)
    const counted = statuses.get(name) ?? new Map<number, number>()
    statuses.set(name, counted.set(status, (counted.get(status) ?? 0) + 1))
    const untold = status < 400 && request.method === operation.method && !operation.statuses.has(status)
    if (status >= 500 || untold) faults.push(`${status} ${text} for ${JSON.stringify(request)}`)
    if (status < 300) pools.keep(text)
  }

  async function worker(): Promise<void> {
    while (sent < wishes.count) {
      const operation = operations[Math.floor(draw() * operations.length)]
      if (operation === undefined || (rare.has(operation.path) && draw() > rareShare)) continue
      sent += 1
      if (sent % 1000 === 0) onWay(sent)
      server.clock.advanceMilliseconds(Math.floor(draw() * 40))
      await one(operation)
    }
  }

  await Promise.all(Array.from({ length: atOnce }, worker))
  expect(sent).toBe(wishes.count)
  return { statuses, faults }
}

/** Straight into the handler: it is the server that is tried, not the way to it. */
async function ask(
  server: StartedServer,
  request: ReturnType<typeof generateRequest>,
): Promise<{ readonly status: number; readonly text: string }> {
  const { method, path, headers, body } = request
  const bodiless = method === 'GET' || method === 'HEAD'
  const init = { method, headers, ...(body !== undefined && !bodiless && { body }) }
  const answering = server.pawl.fetch(new Request(server.issuer + path, init), { remoteAddress: '127.0.0.1' })
  const response = await inTime(answering, request)
  const stream = response.headers.get('content-type') === 'text/event-stream'
  if (stream) await response.body?.cancel()
  return { status: response.status, text: stream ? '' : await inTime(response.text(), request) }
}

async function inTime<Value>(promise: Promise<Value>, request: unknown): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to ${JSON.stringify(request)}`)), answerMilliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What clients could know at the beginning, and what they learn. */
async function knownTo(server: StartedServer) {
  const secret = 's'.repeat(32)
  const grants = ['refresh_token', 'client_credentials', exchange]
  const more = { scopes: ['read', 'write'], resources: [server.issuer], exchange: 'received' }
  await addClient(server, { id: 'web', type: 'confidential', grants, secret, ...more })
  await addClient(server, { id: 'post', type: 'confidential', auth: 'client_secret_post', grants, secret, ...more })
  await addClient(server, { id: 'open', type: 'public', grants: ['refresh_token'] })
  const redirectUris = ['https://app.example/back']
  const interactive = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code']
  await addClient(server, { id: 'app', type: 'public', grants: interactive, redirectUris, scopes: ['openid', 'read'] })
  const values = new Map<string, string[]>([
    ['username', [alice.username, 'nobody@example.com']],
    ['password', [alice.password, 'a sentence that nobody else has']],
    ['current_password', [alice.password]],
    ['new_password', [alice.password, 'short']],
    ['client_id', ['app', 'web', 'post', 'open', 'first-party']],
    ['redirect_uri', redirectUris],
    ['code_challenge', ['c'.repeat(43)]],
    ['max_age', ['0', '600']],
    ['step', ['sign-in', 'consent', 'sign-out']],
    ['client_secret', [secret]],
    ['scope', ['read', 'read write', 'admin']],
    ['resource', [server.issuer, 'https://other.example']],
    ['audience', [server.issuer]],
    ['redirect_uris', ['https://app.example/back', 'http://127.0.0.1/back']],
    ['grant_types', ['refresh_token', 'authorization_code']],
    ['path', ['x']],
    ['token', ['x']],
  ])
  const authorizations = [basic('web', secret).authorization, basic('post', secret).authorization, 'Bearer x']
  const secrets = authorizations.length
  const cookies: string[] = []

  function add(name: string, value: string): void {
    const known = values.get(name) ?? []
    values.set(name, [value, ...known].slice(0, mostKept))
  }

  function learn(name: string, value: string): void {
    add(name, value)
    for (const other of sentAs[name] ?? []) add(other, value)
    if (name === 'access_token' || name === 'registration_access_token') {
      authorizations.splice(secrets, mostKept, ...[`Bearer ${value}`, ...authorizations.slice(secrets, mostKept)])
      cookies.unshift(`pawl_access=${value}`)
    }
    if (name === 'refresh_token') cookies.unshift(`pawl_refresh=${value}; pawl_state=x`)
    cookies.splice(mostKept)
  }

  return {
    known: (): Known => ({ values, authorizations, cookies }),
    keep: (text: string): void => {
      const read = reply.safeParse(text.startsWith('{') ? JSON.parse(text) : undefined)
      for (const [name, value] of Object.entries(read.data ?? {})) {
        if (kept.has(name) && typeof value === 'string') learn(name, value)
      }
    },
  }
}
