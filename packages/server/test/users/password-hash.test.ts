import { hash } from '@node-rs/argon2'
import { describe, expect, test } from 'vitest'
import { createPasswordHashing, defaultPasswordHashParameters } from '../../src/users/password-hash.ts'
import { seededRandom } from '../secrets/seeded-random.ts'
import { lowCost } from './accounts-fixture.ts'

const password = 'correct horse battery staple'

function hashing(
  options: Partial<Parameters<typeof createPasswordHashing>[0]> = {},
): ReturnType<typeof createPasswordHashing> {
  return createPasswordHashing({ random: seededRandom('salts'), parameters: lowCost, ...options })
}

async function phcOf(text: string, using = hashing()): Promise<string> {
  const made = await using.hash(text)
  if (made === 'busy') throw new Error('busy')
  return made.phc
}

describe('password hashes', () => {
  test('by default argon2id with 19 MiB and two passes, as a PHC string with 16 bytes of salt', async () => {
    expect(defaultPasswordHashParameters).toEqual({ memoryKibibytes: 19_456, passes: 2, lanes: 1 })
    const phc = await phcOf(password, createPasswordHashing({ random: seededRandom() }))
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  })

  test('the right password verifies, another does not', async () => {
    const phc = await phcOf(password)
    expect(await hashing().verify(password, phc)).toBe(true)
    expect(await hashing().verify(`${password} `, phc)).toBe(false)
    expect(await hashing().verify(password.toUpperCase(), phc)).toBe(false)
    expect(await hashing().verify('', phc)).toBe(false)
  })

  test('salts are drawn anew: one password never has the same hash twice', async () => {
    const one = hashing()
    expect(await phcOf(password, one)).not.toBe(await phcOf(password, one))
  })

  test('a hash that another program made of the same UTF-8 verifies', async () => {
    expect(await hashing().verify('Grüße, 世界 und 🐎', await hash(Buffer.from('Grüße, 世界 und 🐎', 'utf8')))).toBe(
      true,
    )
  })

  test('NI-2 ASVS 6.2.8: the password is taken as given, neither trimmed, cut, folded nor normalised', async () => {
    const long = 'x'.repeat(1023)
    const pairs = [
      ['\u00e9'.repeat(15), 'e\u0301'.repeat(15)],
      [` ${password}`, password],
      [`${long}a`, `${long}b`],
      ['a\u0000b'.repeat(8), 'a\u0000c'.repeat(8)],
    ] as const
    for (const [given, other] of pairs) {
      const phc = await phcOf(given)
      expect(await hashing().verify(given, phc)).toBe(true)
      expect(await hashing().verify(other, phc)).toBe(false)
    }
  })

  test('without a hash, nothing verifies, and the cost is that of a wrong password', async () => {
    const costly = hashing({ parameters: { memoryKibibytes: 32_768, passes: 3, lanes: 1 } })
    const phc = await phcOf(password, costly)
    const fastest = { known: Number.POSITIVE_INFINITY, unknown: Number.POSITIVE_INFINITY }
    for (let round = 0; round < 9; round += 1) {
      for (const [which, against] of [
        ['known', phc],
        ['unknown', null],
      ] as const) {
        const from = performance.now()
        expect(await costly.verify('wrong', against)).toBe(false)
        fastest[which] = Math.min(fastest[which], performance.now() - from)
      }
    }
    // Not a fine comparison, which a busy machine would spoil: one that a missing or a cheap hash fails by far.
    expect(fastest.unknown).toBeGreaterThan(fastest.known / 4)
  })

  test('a hash of lower cost, or of another kind, wants rehashing; one of the same or higher cost does not', async () => {
    const parameters = { memoryKibibytes: 128, passes: 2, lanes: 1 }
    const current = hashing({ parameters })
    expect(current.needsRehash(await phcOf(password, current))).toBe(false)
    expect(
      current.needsRehash(await phcOf(password, hashing({ parameters: { ...parameters, memoryKibibytes: 127 } }))),
    ).toBe(true)
    expect(current.needsRehash(await phcOf(password, hashing({ parameters: { ...parameters, passes: 1 } })))).toBe(true)
    expect(current.needsRehash(await phcOf(password, hashing({ parameters: { ...parameters, passes: 3 } })))).toBe(
      false,
    )
    const other = (await phcOf(password, current)).replace('$argon2id$', '$argon2i$')
    expect(current.needsRehash(other)).toBe(true)
  })

  test('a stored text that is no hash is a fault, not a wrong password', async () => {
    await expect(hashing().verify(password, 'plain text')).rejects.toThrow(Error)
  })

  test('as many run at once as there are places, as many wait as may, and the others are told busy at once', async () => {
    const narrow = hashing({ concurrent: 1, waiting: 2 })
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => narrow.hash(password)))
    expect(outcomes.map((outcome) => outcome === 'busy')).toEqual([false, false, false, true, true, true])
    expect(await narrow.verify(password, null)).toBe(false)
  })

  test('verifying waits in the same line', async () => {
    const narrow = hashing({ concurrent: 1, waiting: 0 })
    const [hashed, verified] = await Promise.all([narrow.hash(password), narrow.verify(password, null)])
    expect(hashed).toHaveProperty('phc')
    expect(verified).toBe('busy')
  })

  test('hashing leaves the event loop free', async () => {
    const costly = hashing({ parameters: { memoryKibibytes: 65_536, passes: 8, lanes: 1 } })
    let turns = 0
    let done = false
    const work = costly.hash(password).then(() => {
      done = true
    })
    while (!done) {
      turns += 1
      await new Promise(setImmediate)
    }
    await work
    expect(turns).toBeGreaterThan(10)
  })
})
