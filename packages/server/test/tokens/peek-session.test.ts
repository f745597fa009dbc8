import { describe, expect, test } from 'vitest'
import type { Peeked } from '../../src/tokens/peek-session.ts'
import type { RefreshRefused } from '../../src/tokens/refresh-session.ts'
import { issueRefreshToken } from '../../src/tokens/refresh-token.ts'
import type { SessionStore } from '../../src/tokens/session-store.ts'
import { heart, reasonOf, seconds, successorOf } from './refreshing.ts'

const lifetime = 900 * seconds
const day = 86_400 * seconds

type Heart = Awaited<ReturnType<typeof heart>>

function accessOf(outcome: Peeked | RefreshRefused): Record<string, unknown> {
  if (outcome.kind === 'refused') throw new Error(`refused: ${outcome.refusal.reason ?? outcome.refusal.error}`)
  expect(outcome.accessTokens).toHaveLength(1)
  return JSON.parse(Buffer.from(outcome.accessTokens[0]?.split('.')[1] ?? '', 'base64url').toString())
}

async function eventsOf({ storage }: Heart): Promise<readonly string[]> {
  return (await storage.nextEvents(100)).map(({ event }) => event.type)
}

describe('T2.5 F17 a peek', () => {
  test('gives an access token of the store’s instant, moves nothing but its counter and writes no event', async () => {
    const world = await heart()
    const { signIn, refresh, peek, storage, clock } = world
    const { refreshToken, session } = await signIn()
    const before = (await storage.readSession(session.id)).session
    clock.advance(1234)
    const outcome = await peek(refreshToken)
    const iat = Math.floor(clock.now() / 1000)
    expect(accessOf(outcome)).toMatchObject({ sub: 'usr_1', iat, exp: iat + 900 })
    expect(outcome).toMatchObject({ kind: 'peeked', expiresIn: 900 })
    expect(JSON.stringify(outcome)).not.toContain('pawl_rt_')
    expect((await storage.readSession(session.id)).session).toEqual({ ...before, peeks: 1 })
    expect(await eventsOf(world)).toEqual(['user_added', 'session_opened'])
    expect((await refresh(refreshToken)).kind).toBe('refreshed')
    expect((await storage.readSession(session.id)).session).toMatchObject({ generation: 1, peeks: 0 })
  })

  test('is refused rotation_required from two access lifetimes after the sign-in on, and changes nothing', async () => {
    const { signIn, peek, storage, clock } = await heart()
    const { refreshToken, session } = await signIn()
    clock.advance(2 * lifetime - 1)
    expect((await peek(refreshToken)).kind).toBe('peeked')
    clock.advance(1)
    const before = (await storage.readSession(session.id)).session
    const refusal = await peek(refreshToken)
    expect(refusal).toEqual({
      kind: 'refused',
      refusal: { error: 'invalid_request', reason: 'rotation_required' },
      sessionOver: false,
    })
    expect((await storage.readSession(session.id)).session).toEqual(before)
  })

  test('is answered again once the session has rotated; peeks and repeats do not put it off', async () => {
    const { signIn, refresh, peek, clock } = await heart()
    const zero = (await signIn()).refreshToken
    clock.advance(lifetime)
    const one = successorOf(await refresh(zero))
    clock.advance(29 * seconds)
    await refresh(zero)
    clock.advance(2 * lifetime - 29 * seconds - 1)
    expect((await peek(one)).kind).toBe('peeked')
    clock.advance(1)
    expect(reasonOf(await peek(one))).toBe('rotation_required')
    const two = successorOf(await refresh(one))
    expect((await peek(two)).kind).toBe('peeked')
  })

  test('with a token that was superseded is answered inside the window, and outside of it is theft', async () => {
    const world = await heart()
    const { signIn, refresh, peek, storage, clock } = world
    const { refreshToken, session } = await signIn()
    await refresh(refreshToken)
    clock.advance(29_999)
    expect((await peek(refreshToken)).kind).toBe('peeked')
    clock.advance(1)
    expect(await peek(refreshToken, { device: { address: null, userAgent: 'thief' } })).toEqual({
      kind: 'refused',
      refusal: { error: 'invalid_grant', reason: 'replay' },
      sessionOver: true,
    })
    expect((await storage.readSession(session.id)).session).toMatchObject({ revokedReason: 'replay', peeks: 1 })
    expect((await eventsOf(world)).at(-1)).toBe('session_replayed')
  })

  test('is judged by the column of its client: shared-store refuses, reports and ends nothing', async () => {
    const world = await heart({ policy: { kind: 'shared-store', windowMilliseconds: 300 * seconds } })
    const { signIn, refresh, peek, storage, clock } = world
    const { refreshToken, session } = await signIn()
    await refresh(refreshToken)
    clock.advance(300 * seconds)
    expect(await peek(refreshToken)).toMatchObject({ refusal: { reason: 'superseded' }, sessionOver: false })
    expect((await storage.readSession(session.id)).session).toMatchObject({ revokedReason: null, peeks: 0 })
    expect((await eventsOf(world)).at(-1)).toBe('session_superseded_use')
  })

  test('that loses its write to a rotation is answered where there is a window, and is no thief where there is none', async () => {
    for (const [kind, expected] of [
      ['rotating', 'peeked'],
      ['strict', 'refused'],
    ] as const) {
      const windowMilliseconds = kind === 'strict' ? 0 : 30 * seconds
      const { signIn, refresh, peek, storage } = await heart({ policy: { kind, windowMilliseconds } })
      const { refreshToken, session } = await signIn()
      let raced = false
      const sessions: SessionStore = {
        ...storage,
        countPeek: async (count) => {
          if (!raced) {
            raced = true
            successorOf(await refresh(refreshToken))
          }
          return storage.countPeek(count)
        },
      }
      const outcome = await peek(refreshToken, {}, { sessions })
      expect(outcome.kind).toBe(expected)
      if (outcome.kind === 'refused') expect(reasonOf(outcome)).toBe('superseded')
      expect((await storage.readSession(session.id)).session).toMatchObject({ generation: 1, revokedReason: null })
    }
  })

  test('ahead of what the store remembers is answered without rolling forward, with an event', async () => {
    const world = await heart()
    const { signIn, peek, storage, keys } = world
    const { session } = await signIn()
    const before = (await storage.readSession(session.id)).session
    const ahead = issueRefreshToken(keys.active, session, 3)
    expect(accessOf(await peek(ahead))).toMatchObject({ sub: 'usr_1' })
    expect((await storage.readSession(session.id)).session).toEqual({ ...before, peeks: 1 })
    const last = (await storage.nextEvents(100)).at(-1)?.event
    expect(last).toMatchObject({
      type: 'session_ahead_use',
      evidence: { presentedGeneration: 3, currentGeneration: 0 },
    })
  })

  test('never mints after the session has ended, not even when the end comes between its read and its write (F6)', async () => {
    const { signIn, peek, storage, clock } = await heart()
    const { refreshToken, session } = await signIn()
    const sessions: SessionStore = {
      ...storage,
      countPeek: async (count) => {
        const event = { type: 'session_ended', at: clock.now(), actor: 'user' } as const
        await storage.endSession({ id: session.id, now: clock.now(), reason: 'logout', event })
        return storage.countPeek(count)
      },
    }
    expect(reasonOf(await peek(refreshToken, {}, { sessions }))).toBe('logout')
    expect((await storage.readSession(session.id)).session?.peeks).toBe(0)
  })

  test('of another client’s session leaves the row bit-identical and is told to the operators', async () => {
    const world = await heart()
    const { signIn, peek, storage } = world
    const { refreshToken, session } = await signIn()
    const before = await storage.readSession(session.id)
    const stranger = { presentedBy: 'other', clientOf: () => undefined }
    expect(reasonOf(await peek(refreshToken, stranger))).toBe('wrong_client')
    expect(await storage.readSession(session.id)).toEqual(before)
    expect((await eventsOf(world)).at(-1)).toBe('session_stranger')
  })

  test('gives no access token that outlives the session, and none of a session that is over', async () => {
    const { signIn, refresh, peek, clock } = await heart()
    let token = (await signIn()).refreshToken
    for (let days = 0; days < 80; days += 20) {
      clock.advance(20 * day)
      token = successorOf(await refresh(token))
    }
    clock.advance(10 * day - 61 * seconds)
    token = successorOf(await refresh(token))
    clock.advance(1 * seconds)
    expect(await peek(token)).toMatchObject({ kind: 'peeked', expiresIn: 60 })
    clock.advance(60 * seconds)
    expect(reasonOf(await peek(token))).toBe('absolute_expired')
  })

  test('is 503 where its key is not loaded, where time is up and where the session never stands still', async () => {
    const { signIn, peek, storage, keys, elapsed } = await heart()
    const { refreshToken } = await signIn()
    const sessions: SessionStore = { ...storage, countPeek: async () => false }
    expect(reasonOf(await peek(refreshToken, {}, { sessions }))).toBe('contended')
    expect(reasonOf(await peek(refreshToken, { arrivedAt: elapsed.milliseconds - 10_000 }))).toBe('deadline')
    keys.loaded.clear()
    expect(await peek(refreshToken)).toMatchObject({
      refusal: { error: 'temporarily_unavailable', reason: 'key_not_loaded' },
      sessionOver: false,
    })
  })
})
