import { expect, test } from 'vitest'
import { isRole } from '../../src/users/role.ts'
import { isUsername } from '../../src/users/username.ts'

test.each([
  ['ada', true],
  ['ada@example.com', true],
  ['Ada Lovelace', true],
  ['Ωμέγα', true],
  ['a', true],
  ['', false],
  [' ', false],
  [' ada', false],
  ['ada ', false],
  ['ada\u00a0', false],
  ['a\u0000da', false],
  ['a\nda', false],
  ['a\u007fda', false],
  ['a\u0085da', false],
  ['a\u2028da', false],
  ['a\ud800da', false],
  ['x'.repeat(256), true],
  ['x'.repeat(257), false],
  ['🐎'.repeat(256), true],
  ['🐎'.repeat(257), false],
  ['x'.repeat(100_000), false],
])('username %j (%#)', (text, accepted) => {
  expect(isUsername(text)).toBe(accepted)
})

test.each([
  ['admin', true],
  ['site admin', true],
  ['', false],
  ['a\tb', false],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
])('role %j (%#)', (text, accepted) => {
  expect(isRole(text)).toBe(accepted)
})
