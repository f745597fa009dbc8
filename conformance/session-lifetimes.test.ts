import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { sessionReply } from './running-server/replies.ts'
import { engines, startServer } from './running-server/started-server.ts'

const limits = { accessSeconds: 20, idleSeconds: 100, absoluteSeconds: 250 }

describe.each(engines)('lifetimes on %s', (engine) => {
  test('a session ends at the earlier of last use + idle and sign-in + absolute, to the millisecond (T32.1)', async () => {
    await using server = await startServer({ engine, configuration: limits })
    const pauses = fc.array(fc.integer({ min: 0, max: 130_000 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(pauses, async (milliseconds) => {
        let { refresh_token } = await signIn(server)
        const signedInAt = server.clock.now()
        let usedAt = signedInAt
        for (const pause of milliseconds) {
          server.clock.advanceMilliseconds(pause)
          const ends = Math.min(usedAt + 100_000, signedInAt + 250_000)
          const reply = await tryRefresh(server, refresh_token)
          if (server.clock.now() >= ends) {
            const reason = usedAt + 100_000 < signedInAt + 250_000 ? 'idle_expired' : 'absolute_expired'
            expectRefusal(reply, 'invalid_grant', reason)
            return
          }
          expect(reply.status).toBe(200)
          refresh_token = /pawl_rt_[A-Za-z0-9_-]{92}/.exec(reply.text)?.[0] ?? ''
          usedAt = server.clock.now()
        }
      }),
      { numRuns: 40, seed: 20260101 },
    )
  })

  test('both limits are half-open: alive a millisecond before, over at the instant', async () => {
    await using server = await startServer({ engine, configuration: limits })
    const [kept, lost] = [await signIn(server), await signIn(server)]
    server.clock.advanceMilliseconds(99_999)
    expect((await tryRefresh(server, kept.refresh_token)).status).toBe(200)
    server.clock.advanceMilliseconds(1)
    expectRefusal(await tryRefresh(server, lost.refresh_token), 'invalid_grant', 'idle_expired')
  })

  test('a repeat extends nothing, neither in the window nor by attempt id (T32.3)', async () => {
    await using server = await startServer({ engine, configuration: limits })
    const session = await signIn(server)
    const attempt_id = 'a'.repeat(22)
    const next = await refresh(server, session.refresh_token, { attempt_id })
    const row = await server.storage.readSession(session.session_id)
    for (const seconds of [20, 40, 39]) {
      server.clock.advanceSeconds(seconds)
      const repeated = await refresh(server, session.refresh_token, { attempt_id })
      expect(repeated.refresh_token_timeout).toBeLessThan(next.refresh_token_timeout)
    }
    const { session: later } = await server.storage.readSession(session.session_id)
    const { idleExpiresAt, lastUsedAt, absoluteExpiresAt } = row.session ?? {}
    expect(later).toMatchObject({ idleExpiresAt, lastUsedAt, absoluteExpiresAt })
    server.clock.advanceSeconds(1)
    expectRefusal(await tryRefresh(server, next.refresh_token), 'invalid_grant', 'idle_expired')
  })

  test('an access token never outlives its session, and says so (RT-13)', async () => {
    await using server = await startServer({ engine, configuration: limits })
    let session = await signIn(server)
    for (const seconds of [90, 90, 60]) {
      server.clock.advanceSeconds(seconds)
      session = await refresh(server, session.refresh_token)
    }
    // 240 of 250 seconds have passed: ten are left for everything.
    expect(session).toMatchObject({ expires_in: 10, refresh_token_timeout: 10, authorization_expires_in: 10 })
    expect(session.refresh_in).toBeLessThanOrEqual(10)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
    server.clock.advanceSeconds(10)
    expect(await sessionStatus(server, session.access_token)).toBe(401)
  })

  test('every reply with a refresh token tells its limits, timeout never above authorization (RT-13)', async () => {
    await using server = await startServer({ engine, configuration: limits })
    let session = await signIn(server)
    for (let passed = 0; passed < 240; passed += 60) {
      expect(session.authorization_expires_in).toBe(250 - passed)
      expect(session.refresh_token_timeout).toBe(Math.min(100, 250 - passed))
      expect(session.refresh_in).toBeLessThan(session.expires_in)
      server.clock.advanceSeconds(60)
      session = await refresh(server, session.refresh_token)
    }
  })

  test('GET /auth/session tells the end and does not put it off', async () => {
    await using server = await startServer({ engine, configuration: { ...limits, accessSeconds: 99 } })
    const session = await signIn(server)
    const endsAt = new Date(server.clock.now() + 100_000).toISOString()
    for (const seconds of [0, 50, 40]) {
      server.clock.advanceSeconds(seconds)
      const reply = await server.send('/auth/session', { bearer: session.access_token })
      expect(reply.read(sessionReply).ends_at).toBe(endsAt)
    }
  })
})
