import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { announce, sessionsWanted } from './announce.ts'

/**
 * What is left when nothing is decided: the HTTP stack of Pawl, and, by the word that it is started with, `constant`
 * nothing more, `signing` one ES256 signature, `durable` also one conditional update of one row, on the disk before the
 * answer, together with those that arrive in the same turn.
 */

const [, , , kind = 'constant', folder = '.'] = process.argv
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: randomBytes(32).toString('base64url') })

function signedToken(session: string): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: 'http://localhost:8080',
    sub: 'usr_5c1f0b7e9d2a4c38b6f1e0a7',
    aud: 'http://localhost:8080',
    exp: now + 900,
    iat: now,
    jti: randomBytes(16).toString('base64url'),
    client_id: 'first-party',
    sid: session,
    auth_time: now,
    amr: ['pwd'],
    roles: [],
  }
  const unsigned = `${header}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(unsigned), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${unsigned}.${signature.toString('base64url')}`
}

function openTable() {
  const database = new DatabaseSync(join(folder, 'floor.db'))
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;
    CREATE TABLE sessions (id TEXT PRIMARY KEY, generation INTEGER, hash BLOB, recent BLOB, used_at INTEGER) STRICT`)
  const insert = database.prepare('INSERT INTO sessions VALUES (?, 0, ?, ?, 0)')
  const update = database.prepare(
    'UPDATE sessions SET generation = generation + 1, hash = ?, recent = ?, used_at = ? WHERE id = ? AND generation = ?',
  )
  const [begin, commit] = [database.prepare('BEGIN IMMEDIATE'), database.prepare('COMMIT')]
  let queue: { readonly write: () => boolean; readonly resolve: (moved: boolean) => void }[] = []
  const commitQueue = () => {
    const batch = queue
    queue = []
    begin.run()
    const outcomes = batch.map(({ write }) => write())
    commit.run()
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] === true)
  }
  return {
    add: (session: string) => insert.run(session, randomBytes(32), randomBytes(176)),
    move: (session: string, generation: number) =>
      new Promise<boolean>((resolve) => {
        const hash = createHash('sha256').update(session).digest()
        const write = () => update.run(hash, randomBytes(176), Date.now(), session, generation).changes === 1
        queue.push({ write, resolve })
        if (queue.length === 1) setImmediate(commitQueue)
      }),
  }
}

const table = kind === 'durable' ? openTable() : undefined
const padding = randomBytes(kind === 'constant' ? 420 : 30).toString('base64url')
const app = new Hono()
app.post('/oauth/token', async (context) => {
  const parameters = new URLSearchParams(await context.req.text())
  const [session = '', generation = ''] = (parameters.get('refresh_token') ?? '').split('.')
  if (table !== undefined && !(await table.move(session, Number(generation)))) return context.json({}, 400)
  return context.json({
    access_token: kind === 'constant' ? padding : signedToken(session),
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: kind === 'durable' ? `${session}.${Number(generation) + 1}.${padding}` : `${session}.0.${padding}`,
  })
})

const tokens = Array.from({ length: sessionsWanted() }, () => {
  const session = randomBytes(16).toString('base64url')
  table?.add(session)
  return `${session}.0.${padding}`
})
const listener = getRequestListener(app.fetch)
announce(
  createServer((request, response) => void listener(request, response)),
  { path: '/oauth/token', fixed: { grant_type: 'refresh_token', client_id: 'first-party' }, tokens },
)
