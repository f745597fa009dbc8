import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { refusePassword } from '../../src/users/password-rules.ts'

describe('NI-2: rules for new passwords', () => {
  test.each([
    ['nothing', '', 'too_short'],
    ['14 characters', 'k7#vQ2!mZ9xR4w', 'too_short'],
    ['15 characters', 'k7#vQ2!mZ9xR4wp', undefined],
    ['14 code points of two units each', '🐎🐘🦊🐢🦉🐍🦔🦩🐙🦋🐞🦀🦑🐬', 'too_short'],
    ['15 code points of two units each', '🐎🐘🦊🐢🦉🐍🦔🦩🐙🦋🐞🦀🦑🐬🐳', undefined],
    ['1,024 characters', 'correct horse '.repeat(80).slice(0, 1024), undefined],
    ['1,025 characters', 'correct horse '.repeat(80).slice(0, 1025), 'too_long'],
    ['1,024 code points of two units each', '🐎'.repeat(1024), undefined],
    ['1,025 code points of two units each', '🐎'.repeat(1025), 'too_long'],
    ['60,000 characters', 'x'.repeat(60_000), 'too_long'],
    ['a common one', '1234567890123456', 'too_common'],
    ['a common one of letters', 'passwordpassword', 'too_common'],
    ['a common one in another case', 'PassWordPassWord', 'too_common'],
    ['one that is common in capitals, in small letters', 'polniypizdec0211', 'too_common'],
    ['a keyboard walk', 'qwertyuiopasdfg', 'too_common'],
    ['one character over and over', '111111111111111', 'too_common'],
    ['a common one and more', '1234567890123456 and a horse', undefined],
    ['words', 'correct horse battery staple', undefined],
    ['spaces only, for nothing is demanded of what it is made of', ' '.repeat(15), undefined],
    ['another script', 'пароль для входа в дом', undefined],
  ])('%s (%#)', async (_, password, refusal) => {
    expect(await refusePassword(password)).toBe(refusal)
  })

  test('whatever is random and of 15 to 1,024 code points is taken', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 15, maxLength: 1024 }), async (password) => {
        expect(await refusePassword(`${password.slice(0, 1000)}∎`.padEnd(15, '∎'))).toBeUndefined()
      }),
    )
  })
})
