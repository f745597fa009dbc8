import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { bodyReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const attempt = (letter: string): string => letter.repeat(22)

describe.each(engines)('racers on %s', (engine) => {
  test('50 parallel refreshes: 50 times 200, one successor, generation moved by one, no alarm (T1.1, B1, B14)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const replies = await Promise.all(Array.from({ length: 50 }, () => tryRefresh(server, session.refresh_token)))
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
    const bodies = replies.map((reply) => reply.read(bodyReply))
    const successors = new Set(bodies.map(({ refresh_token }) => refresh_token))
    expect(successors.size).toBe(1)
    expect(await rowOf(server, session.session_id)).toMatchObject({ generation: 1, repeats: 49, revokedAt: null })
    const access = new Set(bodies.map(({ access_token }) => access_token))
    expect(access.size).toBe(50)
    for (const token of access) expect(await sessionStatus(server, token)).toBe(200)
    const [successor = ''] = successors
    expect((await refresh(server, successor)).refresh_token).not.toBe(successor)
  })

  test('fifty rounds of twenty tabs with one jar end with the same session and no verdict (B14, B22)', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    for (let round = 0; round < 50; round += 1) {
      server.clock.advanceSeconds(600)
      const tabs = Array.from({ length: 20 }, () => browser.send('/auth/refresh', { json: {} }))
      for (const reply of await Promise.all(tabs)) expect(reply.status, reply.text).toBe(200)
    }
    const { sessions } = await server.storage.listSessions(10)
    expect(sessions.map(({ generation, repeats }) => ({ generation, repeats }))).toEqual([
      { generation: 50, repeats: 19 },
    ])
  })

  test('any number of repeats leaves exactly one living token, and each is the same (T17.1, B13, B15)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const successors = new Set<string>()
    for (let repeat = 0; repeat < 29; repeat += 1) {
      successors.add((await refresh(server, session.refresh_token)).refresh_token)
      server.clock.advanceSeconds(1)
    }
    expect(successors.size).toBe(1)
    const [successor = ''] = successors
    expect((await rowOf(server, session.session_id)).generation).toBe(1)
    // The one that arrives last is as good as the one that arrived first.
    expect((await refresh(server, successor)).session_id).toBe(session.session_id)
  })

  test('parallel requests with different attempt ids get the same successor', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const ids = ['a', 'b', 'c', undefined, 'd', undefined]
    const replies = await Promise.all(
      ids.map((id) => refresh(server, session.refresh_token, id === undefined ? {} : { attempt_id: attempt(id) })),
    )
    expect(new Set(replies.map(({ refresh_token }) => refresh_token)).size).toBe(1)
  })

  test('more than a hundred repeats of one generation are 429, which ends nothing', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const { refresh_token } = await refresh(server, session.refresh_token)
    for (let repeat = 0; repeat < 100; repeat += 1) await refresh(server, session.refresh_token)
    const reply = await tryRefresh(server, session.refresh_token)
    expectRefusal(reply, 'too_many_requests', 'too_many_repeats')
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await tryRefresh(server, refresh_token)).status).toBe(200)
  })
})

describe.each(engines)('the race window on %s', (engine) => {
  test('is half-open: 29.999 s after the rotation the same successor, at 30 s theft', async () => {
    await using server = await startServer({ engine })
    for (const [milliseconds, status] of [
      [29_999, 200],
      [30_000, 400],
    ] as const) {
      const session = await signIn(server)
      const next = await refresh(server, session.refresh_token)
      server.clock.advanceMilliseconds(milliseconds)
      const reply = await tryRefresh(server, session.refresh_token)
      expect(reply.status).toBe(status)
      if (status === 200) expect(reply.read(bodyReply).refresh_token).toBe(next.refresh_token)
      else expectRefusal(reply, 'invalid_grant', 'replay')
    }
  })

  test('does not slide: repeats do not make it longer (B11)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    await refresh(server, session.refresh_token)
    for (let second = 0; second < 29; second += 1) {
      server.clock.advanceSeconds(1)
      await refresh(server, session.refresh_token)
    }
    server.clock.advanceSeconds(1)
    expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'replay')
  })

  test('counts from when that very token was superseded, not from the last rotation (B20)', async () => {
    await using server = await startServer({ engine })
    const first = await signIn(server)
    const second = await refresh(server, first.refresh_token)
    server.clock.advanceSeconds(29)
    const third = await refresh(server, second.refresh_token)
    // Both are fresh: either is answered with the current token.
    expect((await refresh(server, first.refresh_token)).refresh_token).toBe(third.refresh_token)
    expect((await refresh(server, second.refresh_token)).refresh_token).toBe(third.refresh_token)
    server.clock.advanceSeconds(1)
    // The newer rotation is a second old, but the token is thirty.
    expectRefusal(await tryRefresh(server, first.refresh_token), 'invalid_grant', 'replay')
  })

  test('order is by generation, not by seconds: two rotations in one millisecond, the first token is theft (B2)', async () => {
    await using server = await startServer({ engine, configuration: { raceWindowSeconds: 0 } })
    const first = await signIn(server)
    await refresh(server, (await refresh(server, first.refresh_token)).refresh_token)
    expectRefusal(await tryRefresh(server, first.refresh_token), 'invalid_grant', 'replay')
  })

  test('a clock that was set back makes nobody a thief', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const next = await refresh(server, session.refresh_token)
    server.clock.advanceSeconds(-3600)
    expect((await refresh(server, session.refresh_token)).refresh_token).toBe(next.refresh_token)
    expect((await tryRefresh(server, next.refresh_token)).status).toBe(200)
  })
})

describe.each(engines)('attempt ids on %s', (engine) => {
  test('fetch the lost reply again at +5 s, +10 min and +24 h, as long as it was not used (T4.1, B16, B23)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const attempt_id = attempt('a')
    const { refresh_token } = await refresh(server, session.refresh_token, { attempt_id })
    for (const seconds of [5, 595, 85_800]) {
      server.clock.advanceSeconds(seconds)
      const again = await refresh(server, session.refresh_token, { attempt_id })
      expect(again.refresh_token).toBe(refresh_token)
      expect(await sessionStatus(server, again.access_token)).toBe(200)
    }
    expect((await rowOf(server, session.session_id)).generation).toBe(1)
    await refresh(server, refresh_token)
  })

  test('the old token after the window, once the new one was used, is theft, attempt id or not (T4.2)', async () => {
    await using server = await startServer({ engine })
    for (const more of [{}, { attempt_id: attempt('a') }]) {
      const session = await signIn(server)
      const next = await refresh(server, session.refresh_token, { attempt_id: attempt('a') })
      server.clock.advanceSeconds(1)
      await refresh(server, next.refresh_token)
      server.clock.advanceSeconds(30)
      expectRefusal(await tryRefresh(server, session.refresh_token, more), 'invalid_grant', 'replay')
      expect((await rowOf(server, session.session_id)).revokedReason).toBe('replay')
    }
  })

  test('another one, or none, after the window is theft even if the successor was never used (T4.3, B7)', async () => {
    await using server = await startServer({ engine })
    const pairs = [
      [{ attempt_id: attempt('a') }, { attempt_id: attempt('b') }],
      [{ attempt_id: attempt('a') }, {}],
      [{}, { attempt_id: attempt('a') }],
      // An absent one equals nothing, not even another absent one.
      [{}, {}],
    ]
    for (const [first, second] of pairs) {
      const session = await signIn(server)
      await refresh(server, session.refresh_token, first)
      server.clock.advanceSeconds(30)
      expectRefusal(await tryRefresh(server, session.refresh_token, second), 'invalid_grant', 'replay')
    }
  })

  test('one that the rotation before had used already buys no late repeat', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const attempt_id = attempt('a')
    const second = await refresh(server, session.refresh_token, { attempt_id })
    const third = await refresh(server, second.refresh_token, { attempt_id })
    server.clock.advanceSeconds(29)
    expect((await refresh(server, second.refresh_token, { attempt_id })).refresh_token).toBe(third.refresh_token)
    server.clock.advanceSeconds(1)
    expectRefusal(await tryRefresh(server, second.refresh_token, { attempt_id }), 'invalid_grant', 'replay')
  })

  test('a holder two generations behind is answered within the window of the next rotation', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const attempt_id = attempt('a')
    const second = await refresh(server, session.refresh_token, { attempt_id })
    server.clock.advanceSeconds(60)
    const third = await refresh(server, second.refresh_token, { attempt_id: attempt('b') })
    server.clock.advanceSeconds(29)
    expect((await refresh(server, session.refresh_token, { attempt_id })).refresh_token).toBe(third.refresh_token)
    server.clock.advanceSeconds(1)
    expectRefusal(await tryRefresh(server, session.refresh_token, { attempt_id }), 'invalid_grant', 'replay')
  })

  test('of 22 to 86 base64url characters are taken, all others refused before the session is looked at', async () => {
    await using server = await startServer({ engine })
    let { refresh_token, session_id } = await signIn(server)
    for (const attempt_id of ['A-_z09'.repeat(4).slice(0, 22), 'x'.repeat(86)]) {
      refresh_token = (await refresh(server, refresh_token, { attempt_id })).refresh_token
    }
    const before = await rowOf(server, session_id)
    const malformed = [
      '',
      'x'.repeat(21),
      'x'.repeat(87),
      `${'x'.repeat(21)}=`,
      `${'x'.repeat(21)}+`,
      `${'x'.repeat(22)}\n`,
    ]
    for (const attempt_id of malformed) {
      for (const token of [refresh_token, 'nonsense']) {
        expectRefusal(await tryRefresh(server, token, { attempt_id }), 'invalid_request', 'malformed_attempt_id')
      }
    }
    expect(await rowOf(server, session_id)).toEqual(before)
  })
})

async function rowOf(server: StartedServer, sessionId: string) {
  const { session } = await server.storage.readSession(sessionId)
  if (session === undefined) throw new Error('there is no such session')
  return session
}
