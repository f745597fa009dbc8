import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply } from './running-server/replies.ts'
import {
  runPawl,
  type StartedProcess,
  startProcess,
  type TemporaryData,
  temporaryData,
} from './running-server/started-process.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'
import { type StartedVerifier, startVerifier } from './running-server/started-verifier.ts'
import { headerOf, startThree } from './running-server/three-verifiers.ts'
import { watchingVerifier } from './running-server/watching-verifier.ts'
import { startWire } from './running-server/wire.ts'

const timeout = 60_000

/** Runs a command of the operator, in a process of its own, on the store of running servers. */
async function operate(data: TemporaryData, node: StartedProcess, words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runPawl([...words, '--json'], {
    PAWL_DATA: data.path,
    PAWL_ISSUER: node.issuer,
  })
  expect(status, stderr).toBe(0)
  return stdout
}

async function becomesLive(verifier: StartedVerifier): Promise<void> {
  await eventually(async () => expect((await verifier.report()).feed.state).toBe('live'))
}

async function comesTo(verifier: StartedVerifier, tokens: readonly string[], verdicts: readonly string[]) {
  await eventually(async () => expect(await verifier.verdicts(tokens)).toEqual(verdicts))
}

describe('one issuer and three verifiers', () => {
  test('T6.1 refuse the tokens of a session as soon as it is revoked, without a call when they verify', {
    timeout,
  }, async () => {
    await using data = await temporaryData()
    await using issuer = await startProcess(data)
    await using three = await startThree({ issuer: issuer.issuer })
    const sessions = await Promise.all(Array.from({ length: 12 }, () => signIn(issuer)))
    const tokens = sessions.map(({ access_token }) => access_token)
    const accepted = tokens.map(() => 'accepted')
    const callsBefore = await three.all(async (verifier) => {
      await becomesLive(verifier)
      expect(await verifier.verdicts(tokens)).toEqual(accepted)
      const { fetches, networkCalls } = await verifier.report()
      // The feed and the keys: whoever counts sees those.
      expect(fetches).toBe(2)
      expect(networkCalls).toBeGreaterThanOrEqual(2)
      return networkCalls
    })
    // By a sign-out here, by an operator there.
    for (const [index, { session_id, refresh_token }] of sessions.slice(0, 6).entries()) {
      if (index > 1) await issuer.send('/auth/logout', { json: { refresh_token } })
      else await operate(data, issuer, ['session', 'revoke', session_id])
    }
    await three.all(async (verifier) => {
      await comesTo(verifier, tokens, [...accepted.slice(6).map(() => 'revoked'), ...accepted.slice(6)])
      expect((await verifier.report()).feed.entries).toBe(6)
    })
    expect(await three.all(async (verifier) => (await verifier.report()).networkCalls)).toEqual(callsBefore)
  })

  test('T13.3 refuse the tokens of a killed key, wherever it was killed, and refreshing goes on', {
    timeout,
  }, async () => {
    await using data = await temporaryData()
    await using one = await startProcess(data)
    await using two = await startProcess(data, { PAWL_ISSUER: one.issuer })
    const now = Date.now()
    await using atOne = await startVerifier({ issuer: one.issuer, now })
    await using atTwo = await startVerifier({ issuer: one.issuer, now, feedAt: `http://127.0.0.1:${two.port}` })
    const before = await signIn(one)
    for (const verifier of [atOne, atTwo]) {
      await becomesLive(verifier)
      expect(await verifier.verdicts([before.access_token])).toEqual(['accepted'])
    }
    const { kid } = headerOf(before.access_token)
    // Keys are fetched for an unknown key id, too, but at most every 30 s.
    for (const verifier of [atOne, atTwo]) await verifier.setClock(now + 31_000)
    await operate(data, one, ['key', 'kill', kid])
    for (const verifier of [atOne, atTwo]) await comesTo(verifier, [before.access_token], ['revoked'])
    const after = await refresh(two, before.refresh_token)
    expect(headerOf(after.access_token).kid).not.toBe(kid)
    for (const verifier of [atOne, atTwo]) await comesTo(verifier, [after.access_token], ['accepted'])
  })

  test('T22.1 refuse what says the old roles, and take what the next refresh says', { timeout }, async () => {
    await using data = await temporaryData()
    await using issuer = await startProcess(data)
    using verifier = watchingVerifier(issuer.issuer)
    const before = await signIn(issuer)
    await verifier.isFeed('live')
    expect(await verifier.verdict(before.access_token)).toBe('accepted')
    await operate(data, issuer, ['user', 'role', alice.username, '--role', 'ops', '--apply-now'])
    await verifier.comesTo(before.access_token, 'claims_stale')
    const after = await refresh(issuer, before.refresh_token)
    expect(await verifier.verdict(after.access_token)).toBe('accepted')
    expect(payloadOf(after.access_token)).toMatchObject({ roles: ['ops'], sid: before.session_id })
  })
})

describe('a verifier that is cut off', () => {
  /** An issuer behind a wire, and a verifier that reads its feed through it and whose clock the test turns. */
  async function startApart() {
    const data = await temporaryData()
    const issuer = await startProcess(data)
    const wire = await startWire(issuer.port)
    let ahead = 0
    const verifier = watchingVerifier(issuer.issuer, { feedAt: wire.origin, clock: () => Date.now() + ahead })
    const sessions = [await signIn(issuer), await signIn(issuer), await signIn(issuer)] as const
    await verifier.isFeed('live')
    for (const { access_token } of sessions) expect(await verifier.verdict(access_token)).toBe('accepted')
    /** Lets the verifier believe for a while that so many seconds have passed. */
    const later = async (seconds: number, look: () => Promise<void>) => {
      ahead = seconds * 1000
      await look()
      ahead = 0
    }
    return {
      data,
      issuer,
      wire,
      verifier,
      sessions,
      /** The verifier says that it is stale, and each policy is followed. */
      expectStale: async () => {
        const [{ access_token: token }] = sessions
        const forAMinute = { whenStale: { acceptForSeconds: 60 } }
        await later(30, async () => {
          expect(verifier.feed.state).toBe('stale')
          expect(await verifier.verdict(token)).toBe('accepted')
          expect(await verifier.verdict(token, forAMinute)).toBe('accepted')
          expect(await verifier.verdict(token, { whenStale: 'refuse' })).toBe('revocation_unknown')
          expect(await verifier.status(token, { whenStale: 'refuse' })).toBe(503)
        })
        await later(90, async () => {
          expect(await verifier.verdict(token)).toBe('accepted')
          expect(await verifier.verdict(token, forAMinute)).toBe('revocation_unknown')
        })
      },
      signOut: (index: 0 | 1 | 2) =>
        issuer.send('/auth/logout', { json: { refresh_token: sessions[index].refresh_token } }),
      /** By an operator, who needs no issuer for it. */
      revoke: (index: 0 | 1 | 2) => operate(data, issuer, ['session', 'revoke', sessions[index].session_id]),
      async [Symbol.asyncDispose]() {
        verifier[Symbol.dispose]()
        await wire[Symbol.asyncDispose]()
        await issuer[Symbol.asyncDispose]()
        await data[Symbol.asyncDispose]()
      },
    }
  }

  test('T6.2 says that it is stale, follows the policy of the route, and has missed nothing once an issuer that stood still goes on', {
    timeout,
  }, async () => {
    await using apart = await startApart()
    const { issuer, verifier, sessions, revoke, signOut, expectStale } = apart
    issuer.signal('SIGSTOP')
    await revoke(0)
    await expectStale()
    issuer.signal('SIGCONT')
    await verifier.comesTo(sessions[0].access_token, 'revoked')
    await verifier.isFeed('live')
    await signOut(1)
    for (const whenStale of ['refuse', { acceptForSeconds: 60 }] as const) {
      expect(await verifier.verdict(sessions[2].access_token, { whenStale })).toBe('accepted')
    }
    await verifier.comesTo(sessions[1].access_token, 'revoked')
    expect(await verifier.verdict(sessions[2].access_token)).toBe('accepted')
  })

  test('T6.2 the same when its connection is broken and it can make no other', { timeout }, async () => {
    await using apart = await startApart()
    const { wire, verifier, sessions, revoke, signOut, expectStale } = apart
    wire.cut()
    await revoke(0)
    await expectStale()
    wire.heal()
    await verifier.comesTo(sessions[0].access_token, 'revoked')
    await verifier.isFeed('live')
    // It went on where it was: nothing but what it had missed was sent.
    expect(verifier.feed.entries).toBe(1)
    await signOut(1)
    await verifier.comesTo(sessions[1].access_token, 'revoked')
    expect(await verifier.verdict(sessions[2].access_token)).toBe('accepted')
  })

  test('T6.2 the same in a network that passes nothing on', { timeout }, async () => {
    await using apart = await startApart()
    const { wire, verifier, sessions, revoke, signOut, expectStale } = apart
    wire.hold()
    await revoke(0)
    await expectStale()
    wire.heal()
    await verifier.comesTo(sessions[0].access_token, 'revoked')
    await verifier.isFeed('live')
    await signOut(1)
    await verifier.comesTo(sessions[1].access_token, 'revoked')
    expect(await verifier.verdict(sessions[2].access_token)).toBe('accepted')
  })

  test('T6.1 goes on at once when the issuer is exchanged for another process', { timeout }, async () => {
    await using apart = await startApart()
    const { data, issuer, verifier, sessions, revoke } = apart
    await revoke(0)
    await verifier.comesTo(sessions[0].access_token, 'revoked')
    expect((await issuer.stop('SIGKILL')).signal).toBe('SIGKILL')
    await revoke(1)
    await using _ = await startProcess(data, { PORT: String(issuer.port) })
    await verifier.comesTo(sessions[1].access_token, 'revoked')
    expect(await verifier.verdict(sessions[0].access_token)).toBe('revoked')
    expect(await verifier.verdict(sessions[2].access_token)).toBe('accepted')
  })
})

describe.each(engines)('tokens of one second on %s', (engine) => {
  test('T6.3 the one from before a sign-out everywhere is refused, the one from a new sign-in accepted', async () => {
    await using server = await startServer({ engine })
    using verifier = watchingVerifier(server.issuer, { clock: server.clock.now })
    await verifier.isFeed('live')
    const before = await signIn(server)
    await server.send('/auth/logout-everywhere', { method: 'POST', bearer: before.access_token })
    const after = await signIn(server)
    expect(payloadOf(before.access_token).iat).toBe(payloadOf(after.access_token).iat)
    await verifier.comesTo(before.access_token, 'revoked')
    expect(await verifier.verdict(after.access_token)).toBe('accepted')
  })

  test('T6.3 those of a client without a session: from before its removal refused, from after it came back accepted', async () => {
    await using server = await startServer({ engine })
    using verifier = watchingVerifier(server.issuer, { clock: server.clock.now })
    await verifier.isFeed('live')
    const robot = { id: 'robot', type: 'confidential', grants: ['client_credentials'], resources: [server.issuer] }
    const token = async () => {
      const headers = basic('robot', await addClient(server, robot))
      const reply = await server.send('/oauth/token', { form: { grant_type: 'client_credentials' }, headers })
      return reply.read(clientCredentialsReply).access_token
    }
    const before = await token()
    server.clock.advanceMilliseconds(1)
    await server.pawl.administration.removeClient('robot')
    server.clock.advanceMilliseconds(1)
    const after = await token()
    expect(payloadOf(before).iat).toBe(payloadOf(after).iat)
    await verifier.comesTo(before, 'revoked')
    expect(await verifier.verdict(after)).toBe('accepted')
  })

  test('T6.3 T22.1 those from before a change of roles refused, those from after it accepted', async () => {
    await using server = await startServer({ engine })
    using verifier = watchingVerifier(server.issuer, { clock: server.clock.now })
    await verifier.isFeed('live')
    const before = await signIn(server)
    server.clock.advanceMilliseconds(1)
    await server.pawl.administration.setRoles(alice.username, ['ops'], { applyNow: true })
    server.clock.advanceMilliseconds(1)
    const after = await refresh(server, before.refresh_token)
    expect(payloadOf(before.access_token).iat).toBe(payloadOf(after.access_token).iat)
    await verifier.comesTo(before.access_token, 'claims_stale')
    expect(await verifier.verdict(after.access_token)).toBe('accepted')
  })
})

const payload = z.looseObject({ iat: z.int(), iat_ms: z.int() })

function payloadOf(token: string): z.infer<typeof payload> {
  return payload.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
}
