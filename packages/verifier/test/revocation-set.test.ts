import type { AccessTokenClaims, RevocationEntry } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { createRevocationSet } from '../src/revocation-set.ts'
import { assertMemory } from './revocation-memory.ts'

const second = 1_000
const at = Date.UTC(2026, 10, 21, 12, 0, 0, 500)
const until = at + 900 * second
const grace = 30 * second

const set = (...entries: readonly Partial<RevocationEntry>[]) => {
  const made = createRevocationSet(100, grace)
  for (const entry of entries) made.add({ kind: 'session', id: 'session-1', at, until, ...entry })
  return made
}

const claims = (changes: Partial<AccessTokenClaims> = {}): AccessTokenClaims => ({
  iss: 'https://id.example',
  sub: 'user-1',
  aud: 'https://api.example',
  exp: 0,
  iat: Math.floor(at / 1_000),
  iat_ms: 0,
  jti: 'token-1',
  client_id: 'client-1',
  sid: 'session-1',
  ...changes,
})

/** Claims of a token that belongs to no session, as `client_credentials` gives them. */
const alone = (issuedAt: number) => {
  const { sid: _, ...rest } = claims({ iat: Math.floor(issuedAt / 1_000), iat_ms: issuedAt % 1_000 })
  return rest
}

describe('what an entry covers', () => {
  test('session: every token with that sid, whenever it was issued', () => {
    const ended = set({ kind: 'session', id: 'session-1' })
    expect(ended.judge(claims(), 'key-1')).toBe('revoked')
    expect(ended.judge(claims({ iat: at }), 'key-1')).toBe('revoked')
    expect(ended.judge(claims({ sid: 'session-2' }), 'key-1')).toBeUndefined()
    expect(ended.judge(alone(at), 'key-1')).toBeUndefined()
  })

  test('T13.3 key: every token whose header names that kid', () => {
    const killed = set({ kind: 'key', id: 'key-1' })
    expect(killed.judge(claims(), 'key-1')).toBe('revoked')
    expect(killed.judge(alone(at + 1), 'key-1')).toBe('revoked')
    expect(killed.judge(claims(), 'key-2')).toBeUndefined()
  })

  test.each([
    ['user', 'user-1'],
    ['client', 'client-1'],
  ] as const)(
    'T6.3 %s: tokens without a session issued up to that very millisecond, not by whole seconds',
    (kind, id) => {
      const ended = set({ kind, id })
      expect(ended.judge(alone(at - 1), 'key-1')).toBe('revoked')
      expect(ended.judge(alone(at), 'key-1')).toBe('revoked')
      expect(ended.judge(alone(at + 1), 'key-1')).toBeUndefined()
      expect(ended.judge({ ...alone(at), sub: 'other', client_id: 'other' }, 'key-1')).toBeUndefined()
    },
  )

  test('T6.3 TX-2 a session that goes on is none of its user’s entry; a token of it that a removed client got is covered', () => {
    // A session that ended has an entry of its own.
    expect(set({ kind: 'user', id: 'user-1' }).judge(claims(), 'key-1')).toBeUndefined()
    const removed = set({ kind: 'client', id: 'client-1' })
    expect(removed.judge({ ...alone(at), sid: 'session-1' }, 'key-1')).toBe('revoked')
    expect(removed.judge({ ...alone(at + 1), sid: 'session-1' }, 'key-1')).toBeUndefined()
    expect(removed.judge({ ...alone(at), sid: 'session-1', client_id: 'client-2' }, 'key-1')).toBeUndefined()
  })

  test('T6.3 a token of that second whose milliseconds are not told is refused: it may have been issued before', () => {
    const { iat_ms: _, ...whole } = alone(at + 400)
    expect(set({ kind: 'user', id: 'user-1' }).judge(whole, 'key-1')).toBe('revoked')
  })

  test('T22.1 claims: tokens of that user issued up to then are out of date, with and without a session', () => {
    const changed = set({ kind: 'claims', id: 'user-1' })
    expect(changed.judge(claims(), 'key-1')).toBe('claims_stale')
    expect(changed.judge(alone(at), 'key-1')).toBe('claims_stale')
    expect(changed.judge(alone(at + 1), 'key-1')).toBeUndefined()
    expect(changed.judge(claims({ sub: 'user-2' }), 'key-1')).toBeUndefined()
  })

  test('revoked goes before out of date', () => {
    expect(set({ kind: 'claims', id: 'user-1' }, {}).judge(claims(), 'key-1')).toBe('revoked')
  })

  test('ids are compared as they are: kinds do not mix, and nothing is inherited', () => {
    const odd = set({ id: '__proto__' }, { kind: 'key', id: 'session-1' }, { kind: 'user', id: 'constructor' })
    expect(odd.judge(claims(), 'key-1')).toBeUndefined()
    expect(odd.judge(claims({ sid: 'toString' }), 'key-1')).toBeUndefined()
    expect(odd.judge(claims({ sid: '__proto__' }), 'key-1')).toBe('revoked')
  })
})

describe('entries that come twice, late or in another order', () => {
  test('only ever widen what is there', () => {
    const earlier = { kind: 'user', id: 'user-1', at: at - second, until: until - second } as const
    const later = { kind: 'user', id: 'user-1' } as const
    for (const both of [
      [earlier, later],
      [later, earlier],
      [later, earlier, later, earlier],
    ]) {
      const merged = set(...both)
      expect(merged.entries).toBe(1)
      expect(merged.judge(alone(at), 'key-1')).toBe('revoked')
      merged.sweep(until + grace)
      expect(merged.judge(alone(at), 'key-1')).toBe('revoked')
      merged.sweep(until + grace + 1)
      expect(merged.entries).toBe(0)
    }
  })
})

describe('T6.4 the set stays small', () => {
  test('an entry goes when the longest token that it covers has expired, the clock skew included', () => {
    const kinds = ['session', 'user', 'client', 'key', 'claims'] as const
    const full = set(...kinds.map((kind) => ({ kind, id: `${kind}-1` })))
    expect(full.entries).toBe(5)
    full.sweep(until + grace)
    expect(full.entries).toBe(5)
    full.sweep(until + grace + 1)
    expect(full.entries).toBe(0)
    expect(full.bytesEstimate).toBe(0)
    expect(full.judge(claims(), 'key-1')).toBeUndefined()
    expect(full.judge(alone(at), 'key-1')).toBeUndefined()
  })

  test('an entry that wants to be kept for ever is kept for two days, twice as long as a token can live', () => {
    const greedy = set({ until: Number.MAX_SAFE_INTEGER })
    const latest = at + 2 * 86_400 * second + grace
    greedy.sweep(latest)
    expect(greedy.entries).toBe(1)
    greedy.sweep(latest + 1)
    expect(greedy.entries).toBe(0)
  })

  test('it takes no more than its limit, and says so; what is there can still be widened', () => {
    const small = createRevocationSet(2, grace)
    const entry = { kind: 'session', id: 'a', at, until } as const
    expect(small.add(entry)).toBe(true)
    expect(small.add({ ...entry, id: 'b' })).toBe(true)
    expect(small.add({ ...entry, id: 'c' })).toBe(false)
    expect(small.add({ ...entry, until: until + 1 })).toBe(true)
    expect(small.entries).toBe(2)
    small.sweep(until + grace + 1)
    expect(small.entries).toBe(1)
    expect(small.add({ ...entry, id: 'c' })).toBe(true)
  })

  test.each(['session', 'claims'] as const)('100,000 entries (%s) take no more than the estimate says', (kind) => {
    assertMemory(100_000, kind)
  })
})
