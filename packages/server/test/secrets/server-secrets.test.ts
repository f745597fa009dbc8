import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generateSecret, parseServerSecrets, type ServerSecret } from '../../src/secrets/server-secrets.ts'
import { seededRandom } from './seeded-random.ts'

const random = seededRandom()
const first = generateSecret(random)
const second = generateSecret(random)

function secretsOf(text: string): readonly ServerSecret[] {
  const outcome = parseServerSecrets(text)
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusals))
  return outcome.secrets
}

function problemsOf(text: string): readonly (readonly [number, string])[] {
  const outcome = parseServerSecrets(text)
  return outcome.ok ? [] : outcome.refusals.map(({ position, problem }) => [position, problem] as const)
}

describe('secrets', () => {
  test('a generated secret is 32 bytes as 43 base64url characters and is accepted as strong', () => {
    expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(first).not.toBe(second)
    expect(parseServerSecrets(first)).toMatchObject({ ok: true, weakPositions: [] })
  })

  test('several secrets keep their order, newest first', () => {
    const [newest, older] = secretsOf(`${first},${second}`)
    expect(newest?.id).toBe(secretsOf(first)[0]?.id)
    expect(older?.id).toBe(secretsOf(second)[0]?.id)
    expect(newest?.id).not.toBe(older?.id)
  })

  test('ids are 11 base64url characters, the same on every node, and fixed for ever', () => {
    const fixed = Buffer.from(Uint8Array.from({ length: 32 }, (_, index) => index)).toString('base64url')
    const [secret] = secretsOf(fixed)
    expect(secret?.id).toMatch(/^[A-Za-z0-9_-]{11}$/)
    // Stored rows and tokens name secrets by these ids: a change here orphans them all.
    expect(secret?.id).toBe('m1WJ8tZvXkw')
    expect(Buffer.from(secret?.derive('refresh tokens') ?? []).toString('hex')).toBe(
      '1b4e569425906faba1b92740ff0e8a08e291e9cbd45e3d751f0c880496e8aeff',
    )
  })

  test('derive gives 32 bytes: equal for equal labels, different by label and by secret', () => {
    const [newest, older] = secretsOf(`${first},${second}`)
    const keys = [newest?.derive('one'), newest?.derive('two'), older?.derive('one')]
    expect(keys.map((key) => key?.length)).toEqual([32, 32, 32])
    expect(newest?.derive('one')).toEqual(keys[0])
    expect(new Set(keys.map((key) => Buffer.from(key ?? []).toString('hex'))).size).toBe(3)
  })

  test('changing what derive returned does not change the secret', () => {
    const [secret] = secretsOf(first)
    const before = Buffer.from(secret?.derive('one') ?? []).toString('hex')
    secret?.derive('one').fill(0)
    expect(Buffer.from(secret?.derive('one') ?? []).toString('hex')).toBe(before)
  })

  test.each([
    ['an empty text', '', [[1, 'empty']]],
    ['a comma at the end', `${first},`, [[2, 'empty']]],
    ['31 bytes', Buffer.alloc(31, 7).toString('base64url'), [[1, 'too_short']]],
    ['padding', `${first}=`, [[1, 'not_base64url']]],
    ['a space after the comma', `${first}, ${second}`, [[2, 'not_base64url']]],
    ['the standard alphabet', `${first.slice(0, -2)}+/`, [[1, 'not_base64url']]],
    ['trailing bits that no encoder writes', `${'A'.repeat(42)}B`, [[1, 'not_base64url']]],
    ['an impossible length', `${first}AA`, [[1, 'not_base64url']]],
    ['a repeated secret', `${first},${second},${first}`, [[3, 'duplicate']]],
    [
      'several faults',
      `x y,${first},,tiny`,
      [
        [1, 'not_base64url'],
        [3, 'empty'],
        [4, 'too_short'],
      ],
    ],
  ])('refuses %s, naming the position', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems)
  })

  test('a refusal never repeats what the entry holds', () => {
    const outcome = parseServerSecrets(`${first},${first},sekrit value`)
    expect(outcome.ok).toBe(false)
    const text = JSON.stringify(outcome)
    expect(text).toContain('Secret 2')
    expect(text).not.toContain(first)
    expect(text).not.toContain('sekrit')
  })

  test('a secret of fewer than 16 different byte values is weak, one of 16 is not', () => {
    const bytes = (distinct: number): string =>
      Buffer.from(Uint8Array.from({ length: 32 }, (_, index) => index % distinct)).toString('base64url')
    expect(parseServerSecrets(`${first},${bytes(15)},${bytes(16)}`)).toMatchObject({ ok: true, weakPositions: [2] })
  })

  test('the bytes do not show when a secret is logged, copied or serialised', () => {
    const [secret] = secretsOf(first)
    const raw = Buffer.from(first, 'base64url')
    const shown = [
      JSON.stringify({ ...secret }),
      inspect(secret, { showHidden: true, depth: 9, showProxy: true }),
      ...Reflect.ownKeys(secret ?? {}).map((name) => String(name)),
    ].join('\n')
    for (const encoding of ['base64url', 'base64', 'hex', 'latin1'] as const) {
      expect(shown).not.toContain(raw.toString(encoding))
    }
    expect(Object.isFrozen(secret)).toBe(true)
  })

  test('every byte string of 32 to 64 bytes is accepted in its one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 64 }), (bytes) => {
        expect(parseServerSecrets(Buffer.from(bytes).toString('base64url')).ok).toBe(true)
      }),
    )
  })
})
