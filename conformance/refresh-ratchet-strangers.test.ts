import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { forgeRefreshToken, readRefreshToken, writeRefreshToken } from './running-server/refresh-token-form.ts'
import type { BodyReply } from './running-server/replies.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'
import { sessionRow } from './running-server/stored-state.ts'

describe.each(engines)('refresh tokens that are not ours, on %s', (engine) => {
  test('the documented form is the whole truth: taken apart and put together, a token is the same', async () => {
    await using server = await startServer({ engine })
    const { refresh_token, session_id } = await signIn(server)
    const parts = readRefreshToken(refresh_token)
    expect(parts.version).toBe(1)
    expect(Buffer.from(parts.sessionId).toString('base64url')).toBe(session_id)
    expect(parts.generation).toBe(0n)
    expect(writeRefreshToken(parts)).toBe(refresh_token)
    const next = await refresh(server, writeRefreshToken(parts))
    expect(readRefreshToken(next.refresh_token).generation).toBe(1n)
  })

  test('garbage with the id of a session and a correct checksum leaves its row bit-identical', async () => {
    await using server = await startServer({ engine })
    const session = await threeGenerationsOn(server)
    const token = session.refresh_token
    const own = readRefreshToken(token)
    const generations = [0n, 1n, 2n, 3n, 4n, 100n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n]
    const garbage = [
      ...generations.map((generation) => forgeRefreshToken(token, generation)),
      // The right secret for another generation is no secret for this one.
      ...generations
        .filter((generation) => generation !== own.generation)
        .map((generation) => writeRefreshToken({ ...own, generation })),
      writeRefreshToken({ ...own, keyId: new Uint8Array(8) }),
      writeRefreshToken({ ...own, keyId: new Uint8Array(8).fill(255) }),
      writeRefreshToken({ ...own, secret: new Uint8Array(32) }),
      writeRefreshToken({ ...own, version: 0 }),
      writeRefreshToken({ ...own, version: 2 }),
    ]
    const before = await sessionRow(server.store, session.session_id)
    for (const seconds of [0, 31, 3600]) {
      server.clock.advanceSeconds(seconds)
      for (const presented of garbage) {
        const reply = await tryRefresh(server, presented, { attempt_id: 'a'.repeat(22) })
        expectRefusal(reply, 'invalid_grant', 'unknown_token')
        const form = { grant_type: 'refresh_token', client_id: 'first-party', refresh_token: presented }
        expectRefusal(await server.send('/oauth/token', { form }), 'invalid_grant', 'unknown_token')
      }
    }
    expect(await sessionRow(server.store, session.session_id)).toEqual(before)
    expect((await tryRefresh(server, token)).status).toBe(200)
  })

  test('what is not byte for byte what the server prints is unknown, and nothing changes', async () => {
    await using server = await startServer({ engine })
    const session = await threeGenerationsOn(server)
    const token = session.refresh_token
    const before = await sessionRow(server.store, session.session_id)
    const variants = [
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      token.replace('pawl_rt_', ''),
      token.replace('pawl_rt_', 'PAWL_RT_'),
      token.replace('pawl_rt_', 'pawl_at_'),
      'pawl_rt_',
      // Each place of the string, in turn, another letter: the checksum tells.
      ...Array.from({ length: 92 }, (_, index) => otherLetterAt(token, 8 + index)),
    ]
    for (const presented of variants) {
      expectRefusal(await tryRefresh(server, presented), 'invalid_grant', 'unknown_token')
    }
    expect(await sessionRow(server.store, session.session_id)).toEqual(before)
  })

  test('a token of one server is unknown to another', async () => {
    await using server = await startServer({ engine })
    await using other = await startServer({ engine })
    const foreign = await signIn(other)
    expectRefusal(await tryRefresh(server, foreign.refresh_token), 'invalid_grant', 'unknown_token')
  })

  test('a genuine token in the hands of another client: refused, told, and nothing changes (RT-2)', async () => {
    await using server = await startServer({ engine })
    const { administration } = server.pawl
    await administration.addClient({ id: 'other', type: 'public', grants: ['refresh_token'] })
    const session = await threeGenerationsOn(server)
    const before = await sessionRow(server.store, session.session_id)
    server.clock.advanceSeconds(60)
    for (const refresh_token of [session.refresh_token, session.earlier]) {
      const form = { grant_type: 'refresh_token', client_id: 'other', refresh_token }
      expectRefusal(await server.send('/oauth/token', { form }), 'invalid_grant', 'wrong_client')
    }
    expect(await sessionRow(server.store, session.session_id)).toEqual(before)
    await eventually(() => expect(server.log.join('\n')).toContain('session_stranger'))
    expect((await tryRefresh(server, session.refresh_token)).status).toBe(200)
  })
})

describe.each(engines)('refresh keys on %s', (engine) => {
  const older = createHash('sha256').update('older').digest('base64url')
  const newer = createHash('sha256').update('newer').digest('base64url')

  test('one that the store knows and the node does not is 503, never invalid_grant, and nothing changes', async () => {
    await using ahead = await startServer({ engine, configuration: { secrets: [older] } })
    await using behind = await startServer({ engine, besides: ahead, configuration: { secrets: [older] } })
    await using renewed = await startServer({ engine, besides: ahead, configuration: { secrets: [newer, older] } })
    // A new key waits until every node can have loaded it.
    const early = await signIn(renewed)
    ahead.clock.advanceSeconds(61)
    const late = await signIn(renewed)
    expect(keyIdOf(late)).not.toBe(keyIdOf(early))

    const before = await ahead.storage.readSession(late.session_id)
    const reply = await tryRefresh(behind, late.refresh_token)
    expectRefusal(reply, 'temporarily_unavailable', 'key_not_loaded')
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    const byCookie = await behind.send('/auth/refresh', {
      json: {},
      headers: { cookie: `pawl_refresh=${late.refresh_token}`, 'sec-fetch-site': 'same-origin' },
    })
    expectRefusal(byCookie, 'temporarily_unavailable', 'key_not_loaded')
    expect(byCookie.setCookies).toEqual([])
    expect(await ahead.storage.readSession(late.session_id)).toEqual(before)

    // A session of the old key moves on to the new one, and every node tells the same successor.
    const moved = await refresh(renewed, early.refresh_token)
    expect(keyIdOf(moved)).toBe(keyIdOf(late))
    expect((await refresh(renewed, early.refresh_token)).refresh_token).toBe(moved.refresh_token)
    expectRefusal(await tryRefresh(behind, early.refresh_token), 'temporarily_unavailable', 'key_not_loaded')
  })

  test('nodes with the same secrets repeat the same successor, whoever moved the session (T1.1)', async () => {
    await using one = await startServer({ engine, configuration: { secrets: [older] } })
    await using two = await startServer({ engine, besides: one, configuration: { secrets: [older] } })
    await using three = await startServer({ engine, besides: one, configuration: { secrets: [older] } })
    const session = await signIn(one)
    const nodes = [one, two, three]
    const calls = Array.from({ length: 48 }, (_, index) => refresh(nodes[index % 3] ?? one, session.refresh_token))
    expect(new Set((await Promise.all(calls)).map(({ refresh_token }) => refresh_token)).size).toBe(1)
    expect((await one.storage.readSession(session.session_id)).session?.generation).toBe(1)
  })
})

async function threeGenerationsOn(server: StartedServer): Promise<BodyReply & { readonly earlier: string }> {
  const first = await signIn(server)
  const second = await refresh(server, first.refresh_token)
  const third = await refresh(server, second.refresh_token)
  const fourth = await refresh(server, third.refresh_token)
  return { ...fourth, earlier: second.refresh_token }
}

function otherLetterAt(text: string, index: number): string {
  return text.slice(0, index) + (text[index] === 'A' ? 'B' : 'A') + text.slice(index + 1)
}

function keyIdOf({ refresh_token }: BodyReply): string {
  return Buffer.from(readRefreshToken(refresh_token).keyId).toString('base64url')
}
