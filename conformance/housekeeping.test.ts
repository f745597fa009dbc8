import type { Storage } from '@pawl/server'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { type BodyReply, sessionsReply } from './running-server/replies.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedRows } from './running-server/stored-state.ts'

const limits = { accessSeconds: 20, idleSeconds: 100, absoluteSeconds: 250 }
/** The longest that any client's access tokens may live. */
const longestAccessSeconds = 86_400
const minute = 60_000

async function listed(server: StartedServer): Promise<readonly string[]> {
  const viewer = await signIn(server)
  const { sessions } = (await server.send('/auth/sessions', { bearer: viewer.access_token })).read(sessionsReply)
  await server.send('/auth/logout', { json: { refresh_token: viewer.refresh_token } })
  return sessions.map(({ session_id }) => session_id).filter((id) => id !== viewer.session_id)
}

describe.each(engines)('sessions that have ended, on %s', (engine) => {
  test('are listed nowhere from the millisecond on at which they are refused, though nobody has removed them (T9.3, T9.4)', async () => {
    await using server = await startServer({ engine, configuration: limits })
    const idle = await signIn(server)
    const signedOut = await signIn(server)
    let kept = await signIn(server)
    await server.send('/auth/logout', { json: { refresh_token: signedOut.refresh_token } })
    server.clock.advanceSeconds(60)
    kept = await refresh(server, kept.refresh_token)
    server.clock.advanceMilliseconds(39_999)
    expect(new Set(await listed(server))).toEqual(new Set([idle.session_id, kept.session_id]))
    server.clock.advanceMilliseconds(1)
    expect(await listed(server)).toEqual([kept.session_id])
    expectRefusal(await tryRefresh(server, idle.refresh_token), 'invalid_grant', 'idle_expired')
    server.clock.advanceSeconds(50)
    kept = await refresh(server, kept.refresh_token)
    server.clock.advanceMilliseconds(99_999)
    expect(await listed(server)).toEqual([kept.session_id])
    server.clock.advanceMilliseconds(1)
    expect(await listed(server)).toEqual([])
    expectRefusal(await tryRefresh(server, kept.refresh_token), 'invalid_grant', 'absolute_expired')
    expectRefusal(await tryRefresh(server, signedOut.refresh_token), 'invalid_grant', 'logout')
    const { sessions } = await server.storage.listSessions(100)
    expect(sessions).toEqual([])
    for (const { session_id } of [idle, signedOut, kept]) {
      expect((await server.storage.readSession(session_id)).session).toBeDefined()
    }
  })

  describe('are removed', () => {
    afterEach(() => {
      vi.useRealTimers()
    })

    test('by the server itself, once no access token of theirs can be alive, and until then are told from garbage (T9.3)', async () => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
      const removals: number[] = []
      const through = (storage: Storage): Storage => ({
        ...storage,
        removeEndedSessions: async (...given) => {
          const removed = await storage.removeEndedSessions(...given)
          removals.push(removed)
          return removed
        },
      })
      await using server = await startServer({ engine, configuration: limits, through })
      const pass = async (): Promise<void> => {
        const before = removals.length
        await vi.advanceTimersByTimeAsync(minute)
        while (removals.length === before) await new Promise(setImmediate)
      }
      const ended: readonly BodyReply[] = [await signIn(server), await signIn(server), await signIn(server)]
      await server.send('/auth/logout', { json: { refresh_token: ended[0]?.refresh_token } })
      server.clock.advanceMilliseconds((250 + longestAccessSeconds) * 1000 - 1)
      const alive = await signIn(server)
      await pass()
      const reasons = ['logout', 'idle_expired', 'idle_expired'] as const
      for (const [index, reason] of reasons.entries()) {
        expectRefusal(await tryRefresh(server, ended[index]?.refresh_token ?? ''), 'invalid_grant', reason)
      }
      server.clock.advanceMilliseconds(1)
      await pass()
      expect(removals).toEqual([0, 3])
      for (const { refresh_token } of ended) {
        expectRefusal(await tryRefresh(server, refresh_token), 'invalid_grant', 'unknown_token')
      }
      expect((await refresh(server, alive.refresh_token)).session_id).toBe(alive.session_id)
      if (engine !== 'memory') expect(await storedRows(server.store, 'SELECT id FROM sessions')).toHaveLength(1)
    })
  })
})
