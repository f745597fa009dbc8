import { expect, test } from 'vitest'
import { type BearerChallenge, readBearerChallenge } from '../src/bearer-challenge.ts'

const cases: readonly [string | null, Partial<BearerChallenge> | undefined][] = [
  [null, undefined],
  ['', undefined],
  ['Basic realm="x"', undefined],
  ['Bearer', { error: undefined }],
  ['bearer realm="x"', { error: undefined }],
  ['Bearer realm="x", error="invalid_token", error_description="expired"', { error: 'invalid_token' }],
  ['Bearer error = invalid_token', { error: 'invalid_token' }],
  ['BEARER ERROR="invalid_token"', { error: 'invalid_token' }],
  ['Basic realm="x", Bearer error="invalid_token"', { error: 'invalid_token' }],
  ['Bearer realm="x", Basic error="invalid_token"', { error: undefined }],
  ['Negotiate dG9rZW4=, Bearer error="insufficient_scope"', { error: 'insufficient_scope' }],
  ['Bearer realm="a \\", error=\\"invalid_token\\""', { error: undefined }],
  ['Basic realm="Bearer error=invalid_token"', undefined],
  ['Bearer error_description="error=invalid_token"', { error: undefined }],
  ['DPoP error="invalid_token", Bearer', { error: undefined }],
  ['Bearer error="first", error="second"', { error: 'first' }],
  ['Bearer error="invalid_token", reason=claims_stale', { error: 'invalid_token', reason: 'claims_stale' }],
  ['Basic reason="claims_stale", Bearer error="invalid_token"', { error: 'invalid_token' }],
]

test.each(cases)('BR-3, rfc6750-3: the Bearer challenge of %j is %j', (header, challenge) => {
  expect(readBearerChallenge(header)).toEqual(challenge)
})
