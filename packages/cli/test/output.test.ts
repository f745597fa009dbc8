import { describe, expect, test } from 'vitest'
import { onOneLine, printable, table } from '../src/output.ts'

describe('tables', () => {
  test('columns are as wide as their widest cell', () => {
    expect(
      table(
        ['ID', 'NAME'],
        [
          ['1', 'ann'],
          ['22', 'b'],
        ],
        'nobody',
      ),
    ).toEqual(['ID  NAME', '1   ann', '22  b'])
  })

  test('an empty table is a sentence', () => {
    expect(table(['ID'], [], 'nobody')).toEqual(['nobody'])
  })

  test('what could steer a terminal or turn a line around is not printed', () => {
    expect(printable('a\u001b[31mb\u202ec\u0000\u2028')).toBe('a?[31mb?c??')
    expect(table(['NAME'], [['a\nb']], '')).toEqual(['NAME', 'a?b'])
  })

  test('a message is one line', () => {
    expect(onOneLine('first\n  second\r\nthird')).toBe('first second third')
  })
})
