import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { activeReply, bodyReply, inactiveReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

describe.each(engines)('a theft verdict on %s', (engine) => {
  test('ends refresh and access tokens at once, at /auth/session and introspection alike (T17.2)', async () => {
    await using server = await startServer({ engine })
    const ask = await introspection(server)
    const stolen = await signIn(server)
    const owned = await refresh(server, stolen.refresh_token)
    server.clock.advanceSeconds(30)
    const newest = await refresh(server, owned.refresh_token)
    const access = [stolen, owned, newest].map(({ access_token }) => access_token)
    for (const token of access) {
      expect(await sessionStatus(server, token)).toBe(200)
      ;(await ask(token)).read(activeReply)
    }
    expectRefusal(await tryRefresh(server, stolen.refresh_token), 'invalid_grant', 'replay')
    for (const token of access) {
      expectRefusal(await server.send('/auth/session', { bearer: token }), 'invalid_token', 'replay')
      ;(await ask(token)).read(inactiveReply)
    }
    for (const { refresh_token } of [newest, owned, stolen]) {
      expectRefusal(await tryRefresh(server, refresh_token), 'invalid_grant', 'replay')
    }
  })

  test('ends that session only, not the other devices of the user (T17.2, B10)', async () => {
    await using server = await startServer({ engine })
    const others = [await signIn(server), await signIn(server), await signIn(server)]
    await steal(server)
    for (const other of others) {
      expect(await sessionStatus(server, other.access_token)).toBe(200)
      expect((await tryRefresh(server, other.refresh_token)).status).toBe(200)
    }
  })

  test('is final: no token of the family wakes up within any window, with any attempt id (B6, B8, B24)', async () => {
    await using server = await startServer({ engine })
    const attempt_id = 'a'.repeat(22)
    const first = await signIn(server)
    const second = await refresh(server, first.refresh_token, { attempt_id })
    server.clock.advanceSeconds(31)
    const third = await refresh(server, second.refresh_token, { attempt_id: 'b'.repeat(22) })
    expectRefusal(await tryRefresh(server, first.refresh_token), 'invalid_grant', 'replay')
    for (const seconds of [0, 1, 10, 29, 60]) {
      server.clock.advanceSeconds(seconds)
      for (const { refresh_token } of [first, second, third]) {
        for (const more of [{}, { attempt_id }, { attempt_id: 'b'.repeat(22) }]) {
          expectRefusal(await tryRefresh(server, refresh_token, more), 'invalid_grant', 'replay')
        }
      }
    }
    expect((await server.storage.listSessions(10)).sessions).toEqual([])
  })

  test('wins against refreshes that run beside it: after it nobody holds a living token (B8, B24)', async () => {
    await using server = await startServer({ engine })
    for (let round = 0; round < 10; round += 1) {
      const first = await signIn(server)
      const second = await refresh(server, first.refresh_token)
      server.clock.advanceSeconds(30)
      const tokens = [second, second, first, second, second].map(({ refresh_token }) => refresh_token)
      const replies = await Promise.all(tokens.map((token) => tryRefresh(server, token)))
      const issued = replies.filter(({ status }) => status === 200).map((reply) => reply.read(bodyReply))
      for (const token of [...tokens, ...issued.map(({ refresh_token }) => refresh_token)]) {
        expectRefusal(await tryRefresh(server, token), 'invalid_grant', 'replay')
      }
      for (const { access_token } of issued) expect(await sessionStatus(server, access_token)).toBe(401)
    }
  })

  test('is one event that names both parties, and there is no second one (T17.2, T29.1, B23)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server, alice, { 'user-agent': 'Owner/1.0' })
    const owner = { 'user-agent': 'Owner/2.0' }
    await server.send('/auth/refresh', { json: { refresh_token: session.refresh_token }, headers: owner })
    server.clock.advanceSeconds(45)
    const thief = { json: { refresh_token: session.refresh_token }, headers: { 'user-agent': 'Thief/1.0' } }
    await server.send('/auth/refresh', thief)
    await server.send('/auth/refresh', thief)
    // Events are in order: once that of the last sign-in is told, those of before have been told as well.
    const last = await signIn(server)
    const events = await eventually(() => eventsUpTo(server, last.session_id))
    expect(events.filter(({ type }) => type === 'session_replayed')).toEqual([
      {
        type: 'session_replayed',
        at: server.clock.now(),
        actor: 'client',
        sessionId: session.session_id,
        userId: session.user.id,
        clientId: 'first-party',
        reason: 'replay',
        device: { address: '127.0.0.1', userAgent: 'Thief/1.0' },
        evidence: {
          presentedGeneration: 0,
          currentGeneration: 1,
          generationGap: 1,
          ageMilliseconds: 45_000,
          mintedSince: 1,
          repeats: 0,
          repeatHolders: 0,
          peeks: 0,
          holderAddress: '127.0.0.1',
          holderUserAgent: 'Owner/2.0',
          holderLastUsedAt: server.clock.now() - 45_000,
        },
      },
    ])
    expect(events.filter(({ sessionId }) => sessionId === session.session_id).map(({ type }) => type)).toEqual([
      'session_opened',
      'session_replayed',
    ])
  })
})

/** Every order in which owner and thief can take four turns, each at least one of them. */
const turns = Array.from({ length: 16 }, (_, bits) => [...bits.toString(2).padStart(4, '0')]).filter(
  (order) => new Set(order).size === 2,
)

describe.each(engines)('owner and thief on %s', (engine) => {
  test.each([30, 31, 86_400])(
    'in every order of turns %i s apart, the first turn of the second party is detected (T17.2)',
    async (seconds) => {
      await using server = await startServer({ engine })
      for (const order of turns) {
        const shared = (await signIn(server)).refresh_token
        const held: Record<string, string> = { 0: shared, 1: shared }
        for (const party of order) {
          const reply = await tryRefresh(server, held[party] ?? '')
          if (party !== order[0]) {
            expectRefusal(reply, 'invalid_grant', 'replay')
            expectRefusal(await tryRefresh(server, held[order[0] ?? ''] ?? ''), 'invalid_grant', 'replay')
            break
          }
          held[party] = reply.read(bodyReply).refresh_token
          server.clock.advanceSeconds(seconds)
        }
      }
    },
  )

  test('the stated limit: who copied token and attempt id together gains one generation and no more (T17.3)', async () => {
    await using server = await startServer({ engine })
    const shared = (await signIn(server)).refresh_token
    const attempt_id = 'a'.repeat(22)
    const owner = await refresh(server, shared, { attempt_id })
    server.clock.advanceSeconds(3600)
    const thief = await refresh(server, shared, { attempt_id })
    expect(thief.refresh_token).toBe(owner.refresh_token)
    // From here on their attempt ids differ, and whoever comes second is found out.
    await refresh(server, owner.refresh_token, { attempt_id: 'b'.repeat(22) })
    server.clock.advanceSeconds(30)
    const second = await tryRefresh(server, thief.refresh_token, { attempt_id: 'c'.repeat(22) })
    expectRefusal(second, 'invalid_grant', 'replay')
  })

  test('leap-frogging one generation behind is detected at the first step (B7)', async () => {
    await using server = await startServer({ engine })
    const first = await signIn(server)
    const second = await refresh(server, first.refresh_token)
    server.clock.advanceSeconds(60)
    expectRefusal(await tryRefresh(server, first.refresh_token), 'invalid_grant', 'replay')
    expectRefusal(await tryRefresh(server, second.refresh_token), 'invalid_grant', 'replay')
  })

  test('the stated limit: who refreshes in lock-step within the window of the owner is not told apart (T17.3)', async () => {
    await using server = await startServer({ engine })
    let owner = (await signIn(server)).refresh_token
    let thief = owner
    for (let step = 0; step < 10; step += 1) {
      server.clock.advanceSeconds(600)
      owner = (await refresh(server, owner)).refresh_token
      server.clock.advanceSeconds(29)
      thief = (await refresh(server, thief)).refresh_token
      expect(thief).toBe(owner)
    }
    // The first time it is out of step it is found out, whoever comes second.
    server.clock.advanceSeconds(600)
    await refresh(server, owner)
    server.clock.advanceSeconds(30)
    expectRefusal(await tryRefresh(server, thief), 'invalid_grant', 'replay')
  })

  test('an old token is recognised after weeks, for the session itself remembers (T9.1, B18)', async () => {
    await using server = await startServer({ engine })
    const first = await signIn(server)
    let { refresh_token } = first
    for (let week = 0; week < 10; week += 1) {
      server.clock.advanceSeconds(7 * 86_400)
      refresh_token = (await refresh(server, refresh_token)).refresh_token
    }
    expectRefusal(await tryRefresh(server, first.refresh_token), 'invalid_grant', 'replay')
    expectRefusal(await tryRefresh(server, refresh_token), 'invalid_grant', 'replay')
  })
})

describe.each(engines)('generations on %s', (engine) => {
  const length = 12

  test.each(Array.from({ length }, (_, index) => index + 1))(
    'a token %i behind: theft at once if more than eight, otherwise once the window has passed (T9.1)',
    async (behind) => {
      await using server = await startServer({ engine })
      for (const waits of [false, true]) {
        const tokens = await chain(server, length)
        const [presented = '', current = ''] = [tokens[length - behind], tokens[length]]
        if (waits) server.clock.advanceSeconds(30)
        const reply = await tryRefresh(server, presented)
        if (behind > 8 || waits) expectRefusal(reply, 'invalid_grant', 'replay')
        else expect(reply.read(bodyReply).refresh_token).toBe(current)
      }
    },
  )
})

async function steal(server: StartedServer): Promise<void> {
  const session = await signIn(server)
  await refresh(server, session.refresh_token)
  server.clock.advanceSeconds(30)
  expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'replay')
}

/** The refresh tokens of a session, from its sign-in to its latest one, all of one instant. */
async function chain(server: StartedServer, rotations: number): Promise<readonly string[]> {
  const tokens = [(await signIn(server)).refresh_token]
  while (tokens.length <= rotations) tokens.push((await refresh(server, tokens.at(-1) ?? '')).refresh_token)
  return tokens
}

async function introspection(server: StartedServer): Promise<(token: string) => Promise<Reply>> {
  const secret = 'introspecting-client-secret'
  const resources = [server.issuer]
  const auth = 'client_secret_post'
  await server.pawl.administration.addClient({ id: 'api', type: 'confidential', auth, secret, resources })
  return (token) => server.send('/oauth/introspect', { form: { client_id: 'api', client_secret: secret, token } })
}

const eventLine = z.looseObject({ event: z.looseObject({ type: z.string(), sessionId: z.string().optional() }) })

/** The events that were told, once that of a session is among them; throws before. */
function eventsUpTo(server: StartedServer, sessionId: string): readonly z.infer<typeof eventLine>['event'][] {
  const lines = server.log.map((line) => eventLine.safeParse(JSON.parse(line)).data)
  const events = lines.flatMap((line) => line?.event ?? [])
  if (!events.some((event) => event.sessionId === sessionId)) throw new Error('not told yet')
  return events
}
