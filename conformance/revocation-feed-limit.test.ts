import { expect, test } from 'vitest'
import { startServer } from './running-server/started-server.ts'

/** As many as a node takes. */
const mostReaders = 1_000

test('a node has a thousand readers of its feed, tells the next one too_many_readers, and takes it when one leaves', async () => {
  await using server = await startServer()
  const read = () => server.pawl.fetch(new Request(`${server.issuer}/revocations`))
  const readers = await Promise.all(Array.from({ length: mostReaders }, read))
  expect(new Set(readers.map(({ status }) => status))).toEqual(new Set([200]))

  const refused = await read()
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('5')
  expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable', reason: 'too_many_readers' })

  await readers.pop()?.body?.cancel()
  const admitted = await read()
  expect(admitted.status).toBe(200)
  await Promise.all([...readers, admitted].map(({ body }) => body?.cancel()))
})
