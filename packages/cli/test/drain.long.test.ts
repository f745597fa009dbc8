import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { freshEnvironment, startServer } from './pawl-process.ts'

test('a request that never ends holds the stop for 10 seconds at most, and the status is 0', async () => {
  const { environment, remove } = await freshEnvironment()
  const server = await startServer(environment)
  const socket = connect(Number(environment['PORT']), '127.0.0.1')
  const closed = once(socket, 'close')
  socket.write(
    'POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n',
  )
  await once(socket, 'data')
  const signalled = performance.now()
  expect(await server.stop('SIGTERM')).toMatchObject({ status: 0 })
  const seconds = (performance.now() - signalled) / 1000
  expect(seconds).toBeGreaterThan(8)
  expect(seconds).toBeLessThan(10.5)
  await closed
  await remove()
})
