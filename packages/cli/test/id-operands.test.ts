import { expect, test } from 'vitest'
import { separateIds } from '../src/id-operands.ts'

const key = '-z0qPp4bDCwEV8r86i4painqRVDslPOJq5TvpCLXUXc'
const session = '--0qPp4bDCwEV8r86i4pai'

test('T13.3 an id that begins like an option is taken for an id, wherever it stands', () => {
  expect(separateIds(['key', 'kill', key, '--json'])).toEqual(['key', 'kill', '--json', '--', key])
  expect(separateIds(['key', 'kill', '--json', key])).toEqual(['key', 'kill', '--json', '--', key])
  expect(separateIds(['session', 'revoke', session])).toEqual(['session', 'revoke', '--', session])
})

test.each([
  [['key', 'kill', '--', key]],
  [['key', 'kill', key.slice(1)]],
  [['start', '--race-window-seconds', '30']],
  [['session', 'revoke', '--abcdefgh-ijklmnopqrs']],
  [['session', 'revoke', '--user', session]],
  [['key', 'kill', '-h']],
])('%j stays as it is', (words) => {
  expect(separateIds(words)).toBe(words)
})
