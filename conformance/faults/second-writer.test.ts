import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from '../running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from '../running-server/first-party-calls.ts'
import type { Reply } from '../running-server/http-request.ts'
import type { BodyReply } from '../running-server/replies.ts'
import { type StartedProcess, startProcess, temporaryData } from '../running-server/started-process.ts'
import { alice } from '../running-server/started-server.ts'
import { sessionRow } from '../running-server/stored-state.ts'

/** Another program that holds the write lock of the file until it is told to let go. */
function holdWriteLock(databaseFile: string): { readonly release: () => void } {
  const other = new DatabaseSync(databaseFile, { timeout: 5000 })
  other.exec('BEGIN IMMEDIATE')
  return {
    release: () => {
      other.exec('ROLLBACK')
      other.close()
    },
  }
}

interface Timed {
  readonly reply: Reply
  readonly seconds: number
}

async function timed(asked: Promise<Reply>): Promise<Timed> {
  const begun = performance.now()
  const reply = await asked
  return { reply, seconds: (performance.now() - begun) / 1000 }
}

/** Everything that writes, at once. */
function writes(server: StartedProcess, sessions: readonly BodyReply[]): Promise<readonly Timed[]> {
  return Promise.all([
    ...sessions.map(({ refresh_token }) => timed(tryRefresh(server, refresh_token))),
    ...[1, 2, 3].map(() => timed(server.send('/auth/login', { json: { ...alice, delivery: 'body' } }))),
  ])
}

async function signedIn(server: StartedProcess): Promise<readonly BodyReply[]> {
  return Promise.all(Array.from({ length: 10 }, () => signIn(server)))
}

describe('another program that holds the write lock of the file (T10.3)', () => {
  test('for two seconds: whoever writes waits for it, whoever reads does not', { timeout: 60_000 }, async () => {
    await using data = await temporaryData()
    await using server = await startProcess(data)
    const sessions = await signedIn(server)
    const [first] = sessions
    const lock = holdWriteLock(data.databaseFile)
    const writing = writes(server, sessions)
    const reading = await timed(server.send('/auth/session', { bearer: first?.access_token ?? '' }))
    expect([reading.reply.status, reading.seconds < 1.5]).toEqual([200, true])
    await pause(2000)
    lock.release()
    for (const { reply, seconds } of await writing) {
      expect(reply.status, reply.text).toBe(200)
      expect(seconds).toBeGreaterThan(1.5)
    }
  })

  test('for ever: whoever writes is answered 503 within 10 seconds, whoever reads at once, and nothing is lost', {
    timeout: 60_000,
  }, async () => {
    await using data = await temporaryData()
    await using server = await startProcess(data)
    const sessions = await signedIn(server)
    const stored = () => Promise.all(sessions.map(({ session_id }) => sessionRow(data.store, session_id)))
    const before = await stored()
    const lock = holdWriteLock(data.databaseFile)
    let answered = false
    const writing = writes(server, sessions).finally(() => {
      answered = true
    })
    let slowest = 0
    while (!answered) {
      const paths = ['/health/ready', '/oauth/jwks', '/metrics']
      const reads = await Promise.all(paths.map((path) => timed(server.send(path))))
      for (const { reply, seconds } of reads) {
        expect(reply.status).toBe(200)
        slowest = Math.max(slowest, seconds)
      }
      expect(await sessionStatus(server, sessions[0]?.access_token ?? '')).toBe(200)
      await pause(50)
    }
    expect(slowest).toBeLessThan(2)
    for (const { reply, seconds } of await writing) {
      expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(seconds).toBeLessThan(10)
    }
    expect(await stored()).toEqual(before)
    lock.release()
    for (const session of sessions) {
      expect((await refresh(server, session.refresh_token)).session_id).toBe(session.session_id)
    }
  })
})
