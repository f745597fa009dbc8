import { expect, test } from 'vitest'
import { readOperations } from './running-server/generated-requests.ts'
import { sendAtRandom } from './running-server/sent-at-random.ts'
import { engines, startServer } from './running-server/started-server.ts'

test('the OpenAPI document lies at /openapi.json below the issuer, for anyone to read, and tells of what is there', async () => {
  await using server = await startServer({ basePath: '/id', configuration: { clientRegistration: true } })
  const reply = await server.send('/openapi.json', { headers: { origin: 'https://app.example' } })
  expect(reply.status).toBe(200)
  expect(reply.headers.get('cache-control')).toBe('public, max-age=300')
  expect(reply.headers.get('access-control-allow-origin')).toBe('*')
  const document: unknown = JSON.parse(reply.text)
  expect(document).toMatchObject({ openapi: '3.1.1', servers: [{ url: server.issuer }] })
  const operations = readOperations(document)
  expect(operations.length).toBeGreaterThan(20)
  for (const { method, path } of operations) {
    if (path === '/revocations') continue
    const url = new URL(`${server.issuer}${path.replace('{id}', 'x')}`)
    const { status } = await server.pawl.fetch(new Request(url, { method }))
    expect({ method, path, missing: status === 405 || (status === 404 && !path.includes('{id}')) }).toEqual({
      method,
      path,
      missing: false,
    })
  }
})

test.each(engines)(
  '2,000 requests that are made from it end in no 5xx and no status that it does not tell of, on %s',
  async (engine) => {
    const { statuses, faults } = await sendAtRandom({ engine, count: 2_000, seed: 8 })
    expect(faults).toEqual([])
    // The requests get somewhere: most operations were also answered as they should be.
    const answered = [...statuses].filter(([, counts]) => [...counts.keys()].some((status) => status < 300))
    expect(answered.length).toBeGreaterThan(12)
  },
)
