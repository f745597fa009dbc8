import { describe, expect, test, vi } from 'vitest'
import { aSession, aUser } from '../../src/storage/contract/records.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { deriveRefreshSecret } from '../../src/tokens/refresh-token.ts'
import { type Comparison, closestOfThree, compareTimes, toldApart } from './timing-comparison.ts'

const key = { id: Buffer.alloc(8, 'key').toString('base64url'), key: new Uint8Array(32).fill(5) }

describe('how long the check of a refresh token takes tells nothing of its secret', () => {
  test('it is the same when the first byte of the secret is wrong and when the last one is', async () => {
    const comparison = await closestOfThree(compareMisses)
    expect(comparison.score, JSON.stringify(comparison)).toBeLessThan(toldApart)
  })

  test('a comparison byte by byte that returns early is found out', async () => {
    const constantTimeEqual = (first: Uint8Array, second: Uint8Array): boolean =>
      first.every((byte, index) => byte === second[index])
    vi.resetModules()
    vi.doMock('../../src/secrets/constant-time-equal.ts', () => ({ constantTimeEqual }))
    const comparison = await compareMisses()
    vi.doUnmock('../../src/secrets/constant-time-equal.ts')
    vi.resetModules()
    expect(comparison.score, JSON.stringify(comparison)).toBeGreaterThan(2 * toldApart)
  })
})

/** Two tokens of one session that are wrong in one bit, in the first and in the last byte of their secrets. */
async function compareMisses(): Promise<Comparison> {
  // Loaded here, so that the comparison they use can be another one.
  const { recogniseRefreshToken } = await import('../../src/tokens/end-session.ts')
  const session = aSession('tab', aUser('ada'), 1)
  const storage = memoryStorage({ clock: () => 1 })
  const sessions = { ...storage, readSession: async () => ({ session, user: undefined, now: 1 }) }
  const refreshKeys = { refreshKey: async () => key, activeRefreshKey: async () => key }
  const right = deriveRefreshSecret(key.key, session, 7)
  const presented = { keyId: key.id, sessionId: session.id, generation: 7, secret: new Uint8Array(32) }
  const check = async (): Promise<void> => {
    // Many at a time: one costs 4 microseconds, and what a byte costs is a hundredth of that.
    for (let times = 0; times < 20; times += 1) await recogniseRefreshToken(presented, { sessions, refreshKeys })
  }
  return compareTimes([check, check], {
    samples: 3000,
    // The same bytes in the same place, so that nothing but the miss differs.
    prepare: (kind) => {
      const at = kind === 0 ? 0 : 31
      presented.secret.set(right)
      presented.secret[at] = (right[at] ?? 0) ^ 1
    },
  })
}
