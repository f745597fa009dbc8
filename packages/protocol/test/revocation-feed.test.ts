import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatRevocationEvent,
  formatRevocationPosition,
  parseRevocationMessage,
  parseRevocationPosition,
  type RevocationEntry,
  type RevocationMessage,
  revocationKinds,
} from '../src/revocation-feed.ts'

const entry: RevocationEntry = { kind: 'session', id: 'a', at: 1, until: 2 }

const entries: fc.Arbitrary<RevocationEntry[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...revocationKinds),
    id: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    at: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    until: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  }),
)

const messages: fc.Arbitrary<RevocationMessage> = fc.oneof(
  fc.record({ event: fc.constant('snapshot' as const), entries, more: fc.boolean() }),
  fc.record({ event: fc.constant('entries' as const), entries }),
  fc.record({ event: fc.constant('heartbeat' as const), now: fc.nat({ max: Number.MAX_SAFE_INTEGER }) }),
)

describe('the words of the revocation feed', () => {
  test('T6.1 what is written is read again, as three lines and a blank one, whatever an id holds', () => {
    fc.assert(
      fc.property(messages, fc.nat(), (message, sequence) => {
        const text = formatRevocationEvent({ epoch: 'e-1', sequence }, message)
        const [id = '', event = '', data = '', ...rest] = text.split(/\r\n|[\r\n]/)
        expect(rest).toEqual(['', ''])
        expect(id).toBe(`id: e-1.${sequence}`)
        expect(parseRevocationMessage(event.slice('event: '.length), data.slice('data: '.length))).toEqual(message)
      }),
    )
  })

  test('a position is its epoch and its sequence', () => {
    for (const text of ['a.0', '-.1', 'Az09_-.9007199254740991', `${'e'.repeat(32)}.10`]) {
      const position = parseRevocationPosition(text)
      if (position === undefined) throw new Error(text)
      expect(formatRevocationPosition(position)).toBe(text)
    }
  })

  test.each([
    '',
    'a',
    'a.',
    '.1',
    'a.01',
    'a.-1',
    'a.1.2',
    'a.1 ',
    ' a.1',
    'a.1e3',
    'ä.1',
    'a/b.1',
    `${'e'.repeat(33)}.1`,
    'a.9007199254740992',
    'a.1\n',
    'a.NaN',
  ])('%j is no position', (text) => {
    expect(parseRevocationPosition(text)).toBeUndefined()
  })

  test.each([
    ['snapshot', { entries: [entry] }],
    ['snapshot', { entries: [entry], more: 'false' }],
    ['snapshot', { more: false }],
    ['entries', { entries: {} }],
    ['entries', { entries: [null] }],
    ['entries', { entries: ['a'] }],
    ['entries', { entries: [entry, { ...entry, id: '' }] }],
    ['entries', { entries: [{ ...entry, id: 7 }] }],
    ['entries', { entries: [{ ...entry, id: 'x'.repeat(513) }] }],
    ['entries', { entries: [{ ...entry, at: '1' }] }],
    ['entries', { entries: [{ ...entry, at: -1 }] }],
    ['entries', { entries: [{ ...entry, until: 1.5 }] }],
    ['entries', { entries: [{ ...entry, until: 1e300 }] }],
    ['entries', { entries: [{ ...entry, kind: undefined }] }],
    ['heartbeat', {}],
    ['heartbeat', { now: 'now' }],
    ['heartbeat', []],
  ])('%s with %j is not understood', (event, data) => {
    expect(parseRevocationMessage(event, JSON.stringify(data))).toBeUndefined()
  })

  test.each(['', '{', '{"now":1}{"now":1}', '{"now":1,"now":2}', 'null'])('neither is the text %j', (data) => {
    expect(parseRevocationMessage('heartbeat', data)).toBeUndefined()
  })

  test('what may be added later is passed over: members, kinds of entries, events', () => {
    const later = { ...entry, kind: 'device', since: 1 }
    const data = JSON.stringify({ entries: [later, { ...entry, note: 'x' }], more: false, of: 2 })
    expect(parseRevocationMessage('snapshot', data)).toEqual({ event: 'snapshot', entries: [entry], more: false })
    expect(parseRevocationMessage('goodbye', 'anything')).toBe('other')
  })

  test('an entry of an unknown kind has to be an entry all the same', () => {
    const data = JSON.stringify({ entries: [{ kind: 'device', id: 7 }] })
    expect(parseRevocationMessage('entries', data)).toBeUndefined()
  })
})
