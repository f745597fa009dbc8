import type { Storage } from '@pawl/server'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { bodyReply, refreshGrantReply } from './running-server/replies.ts'
import { sessionsOf } from './running-server/sessions-of-a-client.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedState } from './running-server/stored-state.ts'

const secrets = [Buffer.from('a secret of thirty-two bytes, so').toString('base64url')]

async function rowOf({ storage }: StartedServer, sessionId: string) {
  return (await storage.readSession(sessionId)).session
}

describe.each(engines)('B5 two clients of one user that refresh at once on %s', (engine) => {
  test('keep a session each, on several nodes, however often they collide', async () => {
    const clients = ['web', 'phone']
    let opened = 0
    const through = sessionsOf('', () => ({ clientId: clients[opened++ % 2] ?? '' }))
    await using one = await startServer({ engine, through, configuration: { secrets } })
    await using two = await startServer({ engine, besides: one, configuration: { secrets } })
    for (const id of clients) await addClient(one, { id, type: 'public', grants: ['refresh_token'] })
    const sessions = [await signIn(one), await signIn(one)]
    const held = sessions.map(({ refresh_token }) => refresh_token)
    for (let round = 1; round <= 10; round += 1) {
      const calls = Array.from({ length: 24 }, (_, index) => {
        const form = { grant_type: 'refresh_token', client_id: clients[index % 2] ?? '' }
        const node = index % 3 === 0 ? one : two
        return node.send('/oauth/token', { form: { ...form, refresh_token: held[index % 2] ?? '' } })
      })
      const replies = await Promise.all(calls)
      for (const which of [0, 1]) {
        const own = replies.filter((_, index) => index % 2 === which)
        const successors = new Set(own.map((reply) => reply.read(refreshGrantReply).refresh_token))
        expect(successors.size).toBe(1)
        held[which] = [...successors].join()
        const row = await rowOf(one, sessions[which]?.session_id ?? '')
        expect(row).toMatchObject({ clientId: clients[which], generation: round, revokedReason: null })
      }
    }
  })
})

describe.each(engines)('B9 T4.4 a node that dies right after its commit, on %s', (engine) => {
  /** From the moment it is armed, whoever commits a move never hears of it again. */
  function mortal() {
    let [armed, moved] = [false, 0]
    const through = (storage: Storage): Storage => ({
      ...storage,
      moveSession: async (move) => {
        const done = await storage.moveSession(move)
        if (!armed) return done
        moved += done ? 1 : 0
        return new Promise<never>(() => undefined)
      },
    })
    return { through, arm: () => (armed = true), moved: () => moved }
  }

  test('has stored all that another node needs: the loser of the race and the retry get the successor', async () => {
    const dying = mortal()
    await using survivor = await startServer({ engine, configuration: { secrets } })
    await using node = await startServer({ besides: survivor, through: dying.through, configuration: { secrets } })
    for (const attempt of [{ attempt_id: 'a'.repeat(22) }, {}]) {
      const session = await signIn(survivor)
      const before = dying.moved()
      dying.arm()
      const lost = new AbortController()
      const unanswered = node.pawl
        .fetch(refreshRequest(node.issuer, session.refresh_token, attempt, lost.signal))
        .then(() => 'answered')
      while (dying.moved() === before) await new Promise(setImmediate)
      expect(await Promise.race([unanswered, new Promise((resolve) => setImmediate(resolve))])).not.toBe('answered')

      const loser = await refresh(survivor, session.refresh_token)
      const retried = await refresh(survivor, session.refresh_token, attempt)
      expect(retried.refresh_token).toBe(loser.refresh_token)
      expect(await rowOf(survivor, session.session_id)).toMatchObject({ generation: 1, revokedReason: null })
      if ('attempt_id' in attempt) {
        survivor.clock.advanceSeconds(86_400)
        expect((await refresh(survivor, session.refresh_token, attempt)).refresh_token).toBe(loser.refresh_token)
      }
      expect((await tryRefresh(survivor, retried.refresh_token)).status).toBe(200)
    }
  })
})

describe.each(engines)('B14 losers of a race under the strict policy on %s', (engine) => {
  const racers = 20
  const registration = { id: 'vault', type: 'public', grants: ['refresh_token'], policy: 'strict' }

  /** Lets nobody go on from its first read before all racers have read. */
  function startingLine() {
    let waiting: (() => void)[] = []
    let missing = 0
    const through = (storage: Storage): Storage => ({
      ...sessionsOf('vault')(storage),
      readSession: async (id) => {
        const reading = await storage.readSession(id)
        if (missing === 0) return reading
        missing -= 1
        const all = new Promise<void>((resolve) => waiting.push(resolve))
        if (missing === 0) for (const go of waiting.splice(0)) go()
        await all
        return reading
      },
    })
    const line = (count: number) => {
      missing = count
      waiting = []
    }
    return { through, line }
  }

  test('are told superseded, neither with a verdict nor with a 5xx; the winner’s token lives', async () => {
    const start = startingLine()
    await using server = await startServer({ engine, through: start.through })
    await addClient(server, registration)
    let { refresh_token, session_id } = await signIn(server)
    for (let round = 1; round <= 5; round += 1) {
      start.line(racers)
      const form = { grant_type: 'refresh_token', client_id: 'vault', refresh_token }
      const replies = await Promise.all(Array.from({ length: racers }, () => server.send('/oauth/token', { form })))
      const winners = replies.filter(({ status }) => status === 200)
      expect(winners).toHaveLength(1)
      for (const loser of replies.filter((reply) => !winners.includes(reply))) {
        expectRefusal(loser, 'invalid_grant', 'superseded')
      }
      refresh_token = winners.map((reply) => reply.read(refreshGrantReply).refresh_token).join()
      expect(await rowOf(server, session_id)).toMatchObject({ generation: round, revokedReason: null })
    }
  })

  test('that share an attempt id all get the successor, whenever they come', async () => {
    await using server = await startServer({ engine, through: sessionsOf('vault') })
    await addClient(server, registration)
    const { refresh_token, session_id } = await signIn(server)
    const form = { grant_type: 'refresh_token', client_id: 'vault', refresh_token, attempt_id: 'a'.repeat(22) }
    const replies = await Promise.all(Array.from({ length: racers }, () => server.send('/oauth/token', { form })))
    expect(new Set(replies.map((reply) => reply.read(refreshGrantReply).refresh_token)).size).toBe(1)
    expect(await rowOf(server, session_id)).toMatchObject({ generation: 1, repeats: racers - 1, revokedReason: null })
  })
})

describe.each(engines)('B19 who may refresh a session on %s', (engine) => {
  test('of a confidential client: whoever proves to be that client, and nobody else', async () => {
    await using server = await startServer({ engine, through: sessionsOf('web') })
    const secret = await addClient(server, { id: 'web', type: 'confidential', grants: ['refresh_token'] })
    const other = await addClient(server, { id: 'other', type: 'confidential', grants: ['refresh_token'] })
    const { refresh_token } = await signIn(server)
    const before = await storedState(server)
    const form = { grant_type: 'refresh_token', refresh_token }
    const send = (more: object, headers = {}): Promise<Reply> =>
      server.send('/oauth/token', { form: { ...form, ...more }, headers })
    expectRefusal(await send({ client_id: 'web' }), 'invalid_client')
    expectRefusal(await send({ client_id: 'web', client_secret: '' }), 'invalid_client')
    expectRefusal(await send({ client_id: 'web', client_secret: secret }), 'invalid_client')
    expectRefusal(await send({}, basic('web', '')), 'invalid_client')
    expectRefusal(await send({}, basic('web', other)), 'invalid_client')
    expectRefusal(await send({}, basic('other', other)), 'invalid_grant', 'wrong_client')
    expectRefusal(await send({ client_id: 'first-party' }), 'invalid_grant', 'wrong_client')
    expectRefusal(await tryRefresh(server, refresh_token), 'invalid_grant', 'wrong_client')
    expect(await storedState(server)).toEqual(before)
    expect((await send({}, basic('web', secret))).status).toBe(200)
  })

  test('bound to a key: nobody who does not prove it', async () => {
    for (const binding of ['jkt:0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I', 'x5t#S256:abc']) {
      const through = sessionsOf('first-party', { binding })
      await using server = await startServer({ engine, through })
      const { refresh_token, session_id } = await signIn(server)
      const before = await rowOf(server, session_id)
      for (const headers of [{}, { dpop: 'a.b.c' }, { 'x-client-cert': 'abc' }]) {
        const reply = await server.send('/auth/refresh', { json: { refresh_token }, headers })
        expectRefusal(reply, 'invalid_grant', 'wrong_binding')
      }
      expect(await rowOf(server, session_id)).toEqual(before)
    }
  })
})

describe.each(engines)('B21 a node that reads a copy of the store that lags behind, on %s', (engine) => {
  /** Answers reads from a copy until it is told to catch up; every read counts. */
  function lagging(staleReads: number) {
    let left = 0
    let copy: Awaited<ReturnType<Storage['readSession']>> | undefined
    const through = (storage: Storage): Storage => ({
      ...storage,
      readSession: async (id) => {
        const fresh = await storage.readSession(id)
        if (copy === undefined || left === 0) return fresh
        left -= 1
        return copy
      },
    })
    return {
      through,
      lagFrom: async (storage: Storage, id: string) => {
        copy = await storage.readSession(id)
        left = staleReads
      },
    }
  }

  test('decides nothing on it: every write carries its condition, so it reads again', async () => {
    const behind = lagging(1)
    await using server = await startServer({ engine, configuration: { secrets } })
    await using node = await startServer({ besides: server, through: behind.through, configuration: { secrets } })
    const session = await signIn(server)
    await behind.lagFrom(server.storage, session.session_id)
    const moved = await refresh(server, session.refresh_token)
    // It still sees the old token as the current one. Were that believed, the session would fork.
    expect((await refresh(node, session.refresh_token)).refresh_token).toBe(moved.refresh_token)
    expect(await rowOf(server, session.session_id)).toMatchObject({ generation: 1, repeats: 1 })

    await behind.lagFrom(server.storage, session.session_id)
    await server.pawl.administration.revokeSession(session.session_id)
    const reply = await tryRefresh(node, moved.refresh_token)
    expectRefusal(reply, 'invalid_grant', 'revoked_by_admin')
    expect(await sessionStatus(server, session.access_token)).toBe(401)
  })

  test('one that never catches up answers 503, which ends nothing', async () => {
    const behind = lagging(Number.POSITIVE_INFINITY)
    await using server = await startServer({ engine, configuration: { secrets } })
    await using node = await startServer({ besides: server, through: behind.through, configuration: { secrets } })
    const session = await signIn(server)
    await behind.lagFrom(server.storage, session.session_id)
    const moved = await refresh(server, session.refresh_token)
    expectRefusal(await tryRefresh(node, session.refresh_token), 'temporarily_unavailable', 'contended')
    expect((await tryRefresh(server, moved.refresh_token)).status).toBe(200)
  })
})

describe.each(engines)('T1.4 tokens for two audiences at once on %s', (engine) => {
  test('asked for in two requests: one rotation, one successor, an access token for each', async () => {
    const resources = ['https://api.example/', 'https://files.example/']
    await using server = await startServer({ engine })
    await addClient(server, { id: 'apis', type: 'confidential', resources })
    const session = await signIn(server)
    let token = session.refresh_token
    for (const attempt of [{}, { attempt_id: 'a'.repeat(22) }]) {
      const { generation = 0 } = (await rowOf(server, session.session_id)) ?? {}
      const calls = resources.map((resource) => tryRefresh(server, token, { resource, ...attempt }))
      const replies = (await Promise.all(calls)).map((reply) => reply.read(bodyReply))
      expect(new Set(replies.map((reply) => reply.refresh_token)).size).toBe(1)
      expect(replies.map(({ access_token }) => audienceOf(access_token))).toEqual(resources)
      expect(await rowOf(server, session.session_id)).toMatchObject({ generation: generation + 1, repeats: 1 })
      token = replies[0]?.refresh_token ?? ''
    }
  })
})

function audienceOf(accessToken: string): unknown {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())['aud']
}

function refreshRequest(issuer: string, refreshToken: string, more: object, signal: AbortSignal): Request {
  return new Request(`${issuer}/auth/refresh`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refresh_token: refreshToken, ...more }),
    signal,
  })
}
