import { expect, test } from 'vitest'
import { createLogger } from '../src/log.ts'

function logged(facts: object): string {
  let line = ''
  const logger = createLogger({
    write: (text) => {
      line += text
    },
  })
  logger.info(facts, 'something happened')
  return line
}

const secret = 'violet-harbour-seventeen'

test.each([
  ['itself', { password: secret, status: 200 }],
  ['one level below', { body: { refresh_token: secret } }],
  ['two levels below', { request: { headers: { authorization: secret } } }],
  ['within a list', { rows: [{ sealedPrivateKey: secret }] }],
  ['within an error', { err: Object.assign(new Error('it failed'), { client_secret: secret }) }],
  ['within what caused an error', { err: Object.assign(new Error('it failed'), { request: { cookie: secret } }) }],
])('a secret field is blotted out, %s', (_where, facts) => {
  const line = logged(facts)
  expect(line).not.toContain(secret)
  expect(line).toContain('[redacted]')
})

test('what is logged is not changed by it, and the rest stays', () => {
  const facts = { token: secret, request: { route: '/auth/refresh', token: secret } }
  expect(JSON.parse(logged(facts))).toMatchObject({
    service: 'pawl',
    msg: 'something happened',
    request: { route: '/auth/refresh' },
  })
  expect(facts).toEqual({ token: secret, request: { route: '/auth/refresh', token: secret } })
})
