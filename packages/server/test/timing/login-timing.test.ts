import { createPawl, memoryStorage, type PawlConfiguration } from '@pawl/server'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createPasswordHashing, type PasswordHashing } from '../../src/users/password-hash.ts'
import { seededRandom } from '../secrets/seeded-random.ts'
import { accountsOn } from '../users/accounts-fixture.ts'
import { type Comparison, closestOfThree, compareTimes, toldApart } from './timing-comparison.ts'

const password = 'violet-harbour-seventeen'

describe('6.3.8 how long POST /auth/login takes tells nobody who has an account', () => {
  test.each([
    ['an unknown user', { username: 'nobody@example.com', password: 'not the password' }],
    ['a disabled user with the right password', { username: 'gone@example.com', password }],
  ])('a known user with a wrong password and %s', { timeout: 180_000 }, async (_, other) => {
    const login = await loginServer()
    const known = { username: 'alice@example.com', password: 'not the password' }
    const comparison = await closestOfThree(() =>
      compareTimes([() => login(known), () => login(other)], { samples: 120 }),
    )
    expect(comparison.score, JSON.stringify(comparison)).toBeLessThan(toldApart)
  })

  test('an application that answers at once for users it does not know is found out', { timeout: 60_000 }, async () => {
    const { hash, verify } = createPasswordHashing({ random: seededRandom('salts') })
    const known = await hash(password)
    if (known === 'busy') throw new Error('nothing else is hashed')
    const login = await loginServer({
      authenticate: async (given) => {
        const right = given.username === 'alice@example.com' && (await verify(given.password, known.phc))
        return right === true ? { id: 'alice', username: 'alice', roles: [] } : null
      },
    })
    const [alice, nobody] = ['alice@example.com', 'nobody@example.com'].map((username) => ({ username, password: 'x' }))
    const comparison = await compareTimes([() => login(alice), () => login(nobody)], { samples: 120 })
    expect(comparison.score, JSON.stringify(comparison)).toBeGreaterThan(2 * toldApart)
  })
})

describe('6.3.8 checking a password', () => {
  test('takes as long for an unknown user as for a known one', { timeout: 180_000 }, async () => {
    const comparison = await closestOfThree(() => compareSignIns(hashing()))
    expect(comparison.score, JSON.stringify(comparison)).toBeLessThan(toldApart)
  })

  test('would be found out if it returned early for lack of a hash', { timeout: 60_000 }, async () => {
    const { verify, ...others } = hashing()
    const early: PasswordHashing = { ...others, verify: async (given, phc) => phc !== null && verify(given, phc) }
    const comparison = await compareSignIns(early)
    expect(comparison.score, JSON.stringify(comparison)).toBeGreaterThan(2 * toldApart)
  })
})

/** A tenth of the cost of real ones, so that what else differs weighs ten times as much. */
function hashing(): PasswordHashing {
  const parameters = { memoryKibibytes: 4096, passes: 1, lanes: 1 }
  return createPasswordHashing({ random: seededRandom('salts'), parameters })
}

async function compareSignIns(given: PasswordHashing): Promise<Comparison> {
  const { accounts } = accountsOn({ hashing: given })
  expect((await accounts.addUser({ username: 'alice', password })).outcome).toBe('added')
  const wrong = (username: string) => accounts.signIn({ username, password: 'not the password' })
  return compareTimes([() => wrong('alice'), () => wrong('nobby')], { samples: 200 })
}

/**
 * The server as it runs, without a socket and a disk, which would only blur the picture. Each attempt comes from another
 * address, so that none is throttled.
 */
async function loginServer(more: PawlConfiguration = {}): Promise<(credentials: object | undefined) => Promise<void>> {
  const pawl = createPawl({
    storage: memoryStorage(),
    secrets: [Buffer.alloc(32, 'a secret for tests').toString('base64url')],
    trustedProxies: ['127.0.0.1'],
    logger: pino({ level: 'silent' }),
    ...more,
  })
  onTestFinished(() => pawl.close())
  for (const username of ['alice@example.com', 'gone@example.com']) {
    expect((await pawl.administration.addUser({ username, password, roles: [] })).outcome).toBe('added')
  }
  await pawl.administration.disableUser('gone@example.com')
  let attempts = 0
  return async (credentials) => {
    attempts += 1
    const headers = {
      'content-type': 'application/json',
      'x-forwarded-for': `10.0.${attempts >> 8}.${attempts & 255}`,
    }
    const request = new Request(`${pawl.settings.issuer}/auth/login`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...credentials, delivery: 'body' }),
    })
    const reply = await pawl.fetch(request, { remoteAddress: '127.0.0.1' })
    if (reply.status !== 401) throw new Error(`an attempt was answered ${reply.status}: ${await reply.text()}`)
  }
}
