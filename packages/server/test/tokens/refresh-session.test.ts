import { describe, expect, test } from 'vitest'
import { formatRefreshToken, parseRefreshToken } from '../../src/tokens/refresh-token.ts'
import type { SessionStore } from '../../src/tokens/session-store.ts'
import { storageUnavailable } from '../../src/tokens/storage-unavailable.ts'
import { heart, reasonOf, seconds, successorOf } from './refreshing.ts'

const attemptId = 'a'.repeat(22)
const day = 86_400 * seconds

/** The same token with another secret, spelled as the server would. */
function forged(token: string): string {
  const presented = parseRefreshToken(token)
  if (presented === undefined) throw new Error('not a token')
  return formatRefreshToken({ ...presented, secret: new Uint8Array(32).fill(7) })
}

describe('order of refusals (F20)', () => {
  test('not genuine comes before everything the session could tell', async () => {
    const { signIn, refresh, storage } = await heart()
    const { refreshToken, session } = await signIn()
    await storage.endSession({
      id: session.id,
      now: 1,
      reason: 'logout',
      event: { type: 'session_ended', at: 1, actor: 'user' },
    })
    expect(reasonOf(await refresh(forged(refreshToken)))).toBe('unknown_token')
    expect(reasonOf(await refresh(refreshToken, { clientOf: () => undefined }))).toBe('wrong_client')
    expect(reasonOf(await refresh(refreshToken))).toBe('logout')
  })

  test('revoked comes before expired, expired before the generation', async () => {
    const { signIn, refresh, clock, storage } = await heart()
    const { refreshToken, session } = await signIn()
    await refresh(refreshToken)
    clock.advance(30 * day)
    expect(reasonOf(await refresh(refreshToken))).toBe('idle_expired')
    clock.advance(60 * day)
    await storage.endSession({
      id: session.id,
      now: 1,
      reason: 'revoked_by_admin',
      event: { type: 'session_ended', at: 1, actor: 'admin' },
    })
    expect(reasonOf(await refresh(refreshToken))).toBe('revoked_by_admin')
  })

  test('F15: what the request asks for is refused before the generation moves, and an earlier token with it is no theft', async () => {
    const { signIn, refresh, clock, storage } = await heart()
    const { refreshToken, session } = await signIn()
    const prepare = async () => ({ kind: 'refused', refusal: { error: 'invalid_scope' } }) as const
    const before = await storage.readSession(session.id)
    expect(await refresh(refreshToken, { prepare })).toMatchObject({
      refusal: { error: 'invalid_scope' },
      sessionOver: false,
    })
    expect(await storage.readSession(session.id)).toEqual(before)
    await refresh(refreshToken)
    clock.advance(day)
    expect(await refresh(refreshToken, { prepare })).toMatchObject({ refusal: { error: 'invalid_scope' } })
  })
})

describe('strangers change nothing', () => {
  test('row 0a: a guessed secret for a known session leaves the row bit-identical', async () => {
    const { signIn, refresh, storage } = await heart()
    const { refreshToken, session } = await signIn()
    const before = await storage.readSession(session.id)
    expect(reasonOf(await refresh(forged(refreshToken)))).toBe('unknown_token')
    expect(await storage.readSession(session.id)).toEqual(before)
  })

  test('row 0b: a token of another client leaves the row bit-identical and is told to the operators (RT-2)', async () => {
    const { signIn, refresh, storage } = await heart()
    const { refreshToken, session } = await signIn()
    const before = await storage.readSession(session.id)
    expect(reasonOf(await refresh(refreshToken, { presentedBy: 'other', clientOf: () => undefined }))).toBe(
      'wrong_client',
    )
    expect(await storage.readSession(session.id)).toEqual(before)
    const events = await storage.nextEvents(10)
    expect(events.at(-1)?.event).toMatchObject({
      type: 'session_stranger',
      evidence: { finding: 'wrong_client', presentedBy: 'other' },
    })
  })
})

describe('refresh keys (F5)', () => {
  test('a repeat derives with the key of the row, an advance with the newest active one', async () => {
    const { signIn, refresh, keys } = await heart()
    const zero = await signIn()
    const one = successorOf(await refresh(zero.refreshToken))
    keys.active = keys.second
    expect(successorOf(await refresh(zero.refreshToken))).toBe(one)
    const two = successorOf(await refresh(one))
    expect(parseRefreshToken(two)?.keyId).toBe(keys.second.id)
    expect(successorOf(await refresh(one))).toBe(two)
  })

  test('a key that this node has not loaded is 503, never invalid_grant; one that never existed is garbage', async () => {
    const { signIn, refresh, keys } = await heart()
    const { refreshToken } = await signIn()
    keys.loaded.clear()
    expect(await refresh(refreshToken)).toMatchObject({
      refusal: { error: 'temporarily_unavailable', reason: 'key_not_loaded' },
    })
    keys.keys.clear()
    expect(reasonOf(await refresh(refreshToken))).toBe('unknown_token')
  })
})

describe('writes that fail', () => {
  test('F10: a commit whose outcome is unknown is known again on reading, also where no window explains it', async () => {
    const { signIn, refresh, storage } = await heart({ policy: { kind: 'strict', windowMilliseconds: 0 } })
    const { refreshToken } = await signIn()
    let broken = false
    const sessions: SessionStore = {
      ...storage,
      moveSession: async (move) => {
        const moved = await storage.moveSession(move)
        if (broken) return moved
        broken = true
        throw storageUnavailable(new Error('the connection was lost at commit'))
      },
    }
    const outcome = await refresh(refreshToken, {}, { sessions })
    expect(outcome).toMatchObject({ kind: 'refreshed', cause: 'repeat', session: { generation: 1 } })
  })

  test('F14: a store in which every write loses is given up after three rounds, undecided', async () => {
    const { signIn, refresh, storage } = await heart()
    const { refreshToken } = await signIn()
    let rounds = 0
    const sessions: SessionStore = {
      ...storage,
      moveSession: async () => {
        rounds += 1
        return false
      },
    }
    expect(await refresh(refreshToken, {}, { sessions })).toMatchObject({
      refusal: { error: 'temporarily_unavailable', reason: 'contended' },
    })
    expect(rounds).toBe(3)
  })

  test.each([0, 4000])(
    'F14: a store that fails all three writes (each %i ms) is what the caller hears of',
    async (took) => {
      const { signIn, refresh, storage, elapsed } = await heart()
      const { refreshToken, session } = await signIn()
      const before = await storage.readSession(session.id)
      const sessions: SessionStore = {
        ...storage,
        moveSession: async () => {
          elapsed.milliseconds += took
          throw storageUnavailable(new Error('the disk is full'))
        },
      }
      await expect(refresh(refreshToken, { arrivedAt: 0 }, { sessions })).rejects.toMatchObject({
        cause: { message: 'the disk is full' },
      })
      expect(await storage.readSession(session.id)).toEqual(before)
    },
  )

  test('F18: ten seconds after its arrival a request is answered undecided and nothing is written', async () => {
    const { signIn, refresh, storage, elapsed } = await heart()
    const { refreshToken, session } = await signIn()
    const before = await storage.readSession(session.id)
    elapsed.milliseconds = 10_000
    expect(await refresh(refreshToken, { arrivedAt: 0 })).toMatchObject({
      refusal: { error: 'temporarily_unavailable', reason: 'deadline' },
    })
    expect(await storage.readSession(session.id)).toEqual(before)
    expect(await refresh(refreshToken, { arrivedAt: 1 })).toMatchObject({ kind: 'refreshed' })
  })

  test('F18: no verdict over somebody who has left, be it by refresh or by peek; once he stays for the answer, it comes', async () => {
    const { signIn, refresh, peek, storage, clock } = await heart()
    const { refreshToken, session } = await signIn()
    await refresh(refreshToken)
    clock.advance(31 * seconds)
    const before = await storage.readSession(session.id)
    for (const ask of [refresh, peek]) {
      expect(await ask(refreshToken, { hasLeft: async () => true })).toMatchObject({
        refusal: { error: 'temporarily_unavailable', reason: 'deadline' },
        sessionOver: false,
      })
    }
    expect(await storage.readSession(session.id)).toEqual(before)
    expect(await refresh(refreshToken)).toMatchObject({ refusal: { reason: 'replay' } })
  })

  test('F6, B3: a repeat that raced a revocation does not mint', async () => {
    const { signIn, refresh, storage } = await heart()
    const zero = await signIn()
    await refresh(zero.refreshToken)
    const sessions: SessionStore = {
      ...storage,
      countRepeat: async (repeat) => {
        await storage.endSession({
          id: repeat.id,
          now: repeat.now,
          reason: 'logout',
          event: { type: 'session_ended', at: 1, actor: 'user' },
        })
        return storage.countRepeat(repeat)
      },
    }
    expect(reasonOf(await refresh(zero.refreshToken, {}, { sessions }))).toBe('logout')
  })

  test('B8: a verdict that raced another end leaves the first reason standing', async () => {
    const { signIn, refresh, storage, clock } = await heart()
    const zero = await signIn()
    await refresh(zero.refreshToken)
    clock.advance(day)
    const sessions: SessionStore = {
      ...storage,
      endSession: async (ending) => {
        await storage.endSession({ ...ending, reason: 'logout' })
        return storage.endSession(ending)
      },
    }
    expect(reasonOf(await refresh(zero.refreshToken, {}, { sessions }))).toBe('logout')
  })
})

describe('expiry', () => {
  test('T32.3: neither a repeat nor a refusal extends a session; an advance moves the idle limit only', async () => {
    const { signIn, refresh, storage, clock } = await heart()
    const zero = await signIn()
    clock.advance(day)
    const one = await refresh(zero.refreshToken)
    if (one.kind === 'refused') throw new Error('refused')
    expect(one.session.idleExpiresAt).toBe(zero.session.idleExpiresAt + day)
    expect(one.session.absoluteExpiresAt).toBe(zero.session.absoluteExpiresAt)
    clock.advance(10 * seconds)
    await refresh(zero.refreshToken)
    const { session } = await storage.readSession(zero.session.id)
    expect(session?.idleExpiresAt).toBe(one.session.idleExpiresAt)
    expect(session?.repeats).toBe(1)
  })

  test('T32.1: a session ends at min(last use + idle, sign-in + absolute), half-open', async () => {
    const { signIn, refresh, clock } = await heart()
    const zero = await signIn()
    clock.advance(30 * day - 1)
    const one = successorOf(await refresh(zero.refreshToken))
    clock.advance(30 * day)
    expect(reasonOf(await refresh(one))).toBe('idle_expired')
  })

  test('T32.1: however often it is used, a session ends at sign-in + absolute', async () => {
    const { signIn, refresh, clock } = await heart()
    let token = (await signIn()).refreshToken
    for (let days = 1; days < 90; days += 1) {
      clock.advance(day)
      token = successorOf(await refresh(token))
    }
    clock.advance(day - 1)
    token = successorOf(await refresh(token))
    clock.advance(1)
    expect(reasonOf(await refresh(token))).toBe('absolute_expired')
  })
})

describe('attempts', () => {
  test('T4.1: the reply of an attempt is fetched again at once, after ten minutes and after a day', async () => {
    const { signIn, refresh, clock } = await heart()
    const { refreshToken } = await signIn()
    const one = successorOf(await refresh(refreshToken, { attemptId }))
    for (const later of [5 * seconds, 600 * seconds, day]) {
      clock.advance(later)
      expect(successorOf(await refresh(refreshToken, { attemptId }))).toBe(one)
    }
  })

  test('T4.2, T4.3, F2: an absent attempt, another one, and one after its successor was used are theft', async () => {
    for (const late of [undefined, 'b'.repeat(22)]) {
      const { signIn, refresh, clock } = await heart()
      const { refreshToken } = await signIn()
      await refresh(refreshToken, { attemptId: late === undefined ? undefined : attemptId })
      clock.advance(31 * seconds)
      expect(reasonOf(await refresh(refreshToken, { attemptId: late }))).toBe('replay')
    }
    const { signIn, refresh, clock } = await heart()
    const { refreshToken } = await signIn()
    await refresh(successorOf(await refresh(refreshToken, { attemptId })), { attemptId: 'c'.repeat(22) })
    clock.advance(31 * seconds)
    expect(reasonOf(await refresh(refreshToken, { attemptId }))).toBe('replay')
  })

  test('T17.2: the verdict ends exactly this session and names both holders', async () => {
    const { signIn, refresh, storage, clock } = await heart()
    const [stolen, other] = [await signIn(), await signIn()]
    const thief = { address: '203.0.113.66', userAgent: 'thief' }
    await refresh(stolen.refreshToken, { device: thief })
    clock.advance(31 * seconds)
    expect(reasonOf(await refresh(stolen.refreshToken))).toBe('replay')
    expect((await storage.readSession(other.session.id)).session?.revokedAt).toBeNull()
    const event = (await storage.nextEvents(10)).at(-1)?.event
    expect(event).toMatchObject({
      type: 'session_replayed',
      sessionId: stolen.session.id,
      device: { address: '192.0.2.1', userAgent: 'owner' },
      evidence: { holderAddress: thief.address, holderUserAgent: 'thief', generationGap: 1, ageMilliseconds: 31_000 },
    })
  })
})
