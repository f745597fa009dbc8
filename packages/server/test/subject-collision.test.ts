import { expect, test } from 'vitest'
import { createLogger, createPawl, memoryStorage } from '../src/index.ts'

const logger = createLogger()
logger.level = 'silent'
const secrets = Buffer.from('thirty-two bytes, good for a test').toString('base64url')
const client = {
  id: '42',
  type: 'confidential',
  grants: ['client_credentials'],
  secret: 'a secret of some length',
} as const

function login(pawl: ReturnType<typeof createPawl>): Promise<Response> {
  const body = JSON.stringify({ username: 'ada', password: 'whatever', delivery: 'body' })
  const headers = { 'Content-Type': 'application/json' }
  return pawl.fetch(new Request('http://localhost:8080/auth/login', { method: 'POST', headers, body }))
}

test("TK-7: a user of the application's with the id of a client cannot sign in", async () => {
  const storage = memoryStorage()
  const pawl = createPawl({ storage, logger, secrets, authenticate: async () => ({ id: '42', username: 'ada' }) })
  expect(await pawl.administration.addClient(client)).toMatchObject({ ok: true })
  const refused = await login(pawl)
  expect([refused.status, await refused.json()]).toMatchObject([500, { error: 'server_error' }])
  await pawl.close()
})

test('TK-7: a client cannot be registered with the id of a user', async () => {
  const pawl = createPawl({
    storage: memoryStorage(),
    logger,
    secrets,
    authenticate: async () => ({ id: '42', username: 'ada' }),
  })
  expect((await login(pawl)).status).toBe(200)
  expect(await pawl.administration.addClient(client)).toMatchObject({ ok: false, field: 'id' })
  await pawl.close()
})
