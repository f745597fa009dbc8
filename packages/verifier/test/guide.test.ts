import { readFileSync } from 'node:fs'
import { type AccessTokenRefusalReason, accessTokenRefusalReasons } from '@pawl/protocol'
import { expect, test } from 'vitest'
import { refusalOf } from '../src/refusal.ts'

const guide = readFileSync(new URL('../../../docs/protect-an-api.md', import.meta.url), 'utf8')

test('T23.1 the guide names every reason, with the reply that it brings', () => {
  const rows = guide.split('\n').flatMap((line) => {
    const [, names = '', reply = ''] = /^\| (`[a-z_]+`(?:, `[a-z_]+`)*) +\| (\d{3}[^|]*?) +\|/.exec(line) ?? []
    return [...names.matchAll(/[a-z_]+/g)].map(([name]) => [name, reply])
  })
  const reasons = Object.keys(accessTokenRefusalReasons).filter(isReason)
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(reasons.map((reason) => [reason, replyOf(reason)])))
})

function replyOf(reason: AccessTokenRefusalReason): string {
  const { status, error } = refusalOf({ reason }, { realm: '', require: {}, resourceMetadata: undefined })
  if (status === 503) return '503 with `Retry-After`'
  return error === 'authentication_required' ? '401' : `${status} \`${error}\``
}

function isReason(name: string): name is AccessTokenRefusalReason {
  return name in accessTokenRefusalReasons
}
