import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPawl, memoryStorage, type SessionMove, type SessionRecord, type Storage } from '@pawl/server'
import { pino } from 'pino'
import { z } from 'zod'

/** What a server hands to its store: at a sign-in, and at the refresh after it. */
export interface TypicalSession {
  readonly opened: SessionRecord
  readonly moved: SessionMove
}

const issuer = 'https://id.example.com'
const address = '203.0.113.177'

/** A browser's user agent, 120 bytes long. */
export const userAgent =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.7444.60 Safari/537.36'.slice(
    0,
    120,
  )

/** Signs in at a real server and refreshes once, and keeps what it writes: the model of all sessions that are measured. */
export async function typicalSession(): Promise<TypicalSession> {
  const data = await mkdtemp(join(tmpdir(), 'pawl-bench-'))
  const written: { opened?: SessionRecord; moved?: SessionMove } = {}
  const pawl = createPawl({
    data,
    issuer,
    storage: watched(memoryStorage(), written),
    logger: pino({ level: 'silent' }),
    authenticate: async ({ username }) => ({ id: `user-${username}`, username }),
  })
  try {
    const send = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json', 'user-agent': userAgent }
      const request = new Request(issuer + path, { method: 'POST', headers, body: JSON.stringify(body) })
      const reply = await pawl.fetch(request, { remoteAddress: address })
      if (reply.status !== 200) throw new Error(`${path} was answered ${reply.status}: ${await reply.text()}`)
      return z.looseObject({ refresh_token: z.string() }).parse(await reply.json())
    }
    const signedIn = await send('/auth/login', { username: 'ann', password: 'any of them', delivery: 'body' })
    await send('/auth/refresh', { refresh_token: signedIn.refresh_token })
  } finally {
    await pawl.close()
    await rm(data, { recursive: true })
  }
  const { opened, moved } = written
  if (opened === undefined || moved === undefined) throw new Error('the server has not written what it should')
  return { opened, moved }
}

function watched(storage: Storage, written: { opened?: SessionRecord; moved?: SessionMove }): Storage {
  return {
    ...storage,
    async openSession(session, event) {
      written.opened = session
      return storage.openSession(session, event)
    },
    async moveSession(move) {
      written.moved = move
      return storage.moveSession(move)
    },
  }
}
