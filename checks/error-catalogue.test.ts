import { errorTable, refusalReasons } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { errorReference } from '../packaging/error-reference.ts'
import { staleErrorReference, untestedCodes } from './error-catalogue.ts'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

const tables = { errors: errorTable, reasons: refusalReasons }

test('docs/errors.md is what the error table says', () => {
  expect(staleErrorReference(repository, tables)).toEqual([])
})

test('every error code and every reason is named by a test', () => {
  expect(untestedCodes(repository, tables)).toEqual([])
})

describe('red on a planted violation', () => {
  const small = {
    errors: { invalid_grant: { status: 400, description: 'No.' } },
    reasons: { expired: 'Too late.', wrong_client: 'A | B' },
  }
  const reference = errorReference(small)

  test('a reference that is missing', () => {
    expect(staleErrorReference(plant({}), small)).toHaveLength(1)
  })

  test.each([
    ['a status that differs', reference.replace('400', '401')],
    ['a text that differs', reference.replace('Too late.', 'Late.')],
    ['a code too many', `${reference}| \`other\` | 400 | No. |\n`],
  ])('%s', (_, text) => {
    expect(staleErrorReference(plant({ 'docs/errors.md': reference }), small)).toEqual([])
    expect(staleErrorReference(plant({ 'docs/errors.md': text }), small)).toHaveLength(1)
  })

  test('a code that no test names; prose, comments and sources do not count', () => {
    const root = plant({
      'packages/server/src/x.ts': "export const x = 'wrong_client'",
      'packages/server/test/x.test.ts':
        "// wrong_client\ntest('an expired token is refused with invalid_grant', () => undefined)",
    })
    expect(untestedCodes(root, small)).toEqual(['no test names expired', 'no test names wrong_client'])
  })

  test('codes named in a title, in an expectation, in the black-box tests', () => {
    const root = plant({
      'packages/server/test/x.test.ts': "test('refused: invalid_grant', () => { expect(reason).toBe('expired') })",
      'conformance/y.test.ts': 'test(`refused: wrong_client`, () => undefined)',
    })
    expect(untestedCodes(root, small)).toEqual([])
  })
})
