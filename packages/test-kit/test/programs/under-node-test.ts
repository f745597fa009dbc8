import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { createTestIssuer } from '@pawl/test-kit'

test('a token is good, and then it is not', async () => {
  await using kit = await createTestIssuer()
  const token = await kit.accessToken('ada', { roles: ['admin'] })
  const good = await kit.verifier().verify(token)
  deepEqual(good.ok && good.claims['roles'], ['admin'])
  await kit.clock.advance({ minutes: 16 })
  equal((await kit.verifier().verify(token)).ok, false)
})

test('also with the timers of the runner mocked', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })
  await using kit = await createTestIssuer()
  const client = await kit.client('ada')
  kit.faults.next('refresh', 'delay-reply', { seconds: 60 })
  equal((await kit.clock.runUntil(client.refresh())).status, 'stale')
})
