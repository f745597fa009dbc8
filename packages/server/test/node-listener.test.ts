import { Agent, createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { type FetchHandler, type Listener, listen, toNodeHandler } from '../src/node-listener.ts'

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Call {
  readonly path?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: Agent
}

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

function call(port: number, { path = '/', body, headers = {}, agent }: Call = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const options = {
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { 'content-type': 'application/json', ...headers },
      agent: agent ?? false,
    }
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Tells what reached it. */
const echo: FetchHandler = async (request, connection) => {
  const body = request.method === 'POST' ? await request.text() : ''
  return Response.json({ path: new URL(request.url).pathname, body, remoteAddress: connection?.remoteAddress ?? null })
}

async function listening(fetch: FetchHandler): Promise<Listener> {
  const listener = await listen({ fetch, host: '127.0.0.1', port: 0 })
  closers.push(() => listener.close({ drainMilliseconds: 0 }))
  return listener
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  return portNumber(server.address())
}

function portNumber(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A handler that waits until it is let go. */
function held(): { fetch: FetchHandler; arrived: Promise<void>; release: () => void } {
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const fetch: FetchHandler = async () => {
    arrived.resolve()
    await released.promise
    return new Response('done')
  }
  return { fetch, arrived: arrived.promise, release: released.resolve }
}

// First, because listening replaces the globals of this process.
describe('mounted in a framework', () => {
  test('bare node:http, and the globals of the application stay its own', async () => {
    const { Request: before } = globalThis
    const port = await portOf(createServer(toNodeHandler(echo)))
    expect(JSON.parse((await call(port, { path: '/id/auth/login', body: 'x' })).body)).toMatchObject({
      path: '/id/auth/login',
      body: 'x',
    })
    expect(globalThis.Request).toBe(before)
  })

  test('Express 5 below a path: the path that was asked for is kept', async () => {
    const application = express()
    application.use('/id', toNodeHandler(echo))
    application.get('/after', (request, response) => {
      response.send(request.url)
    })
    const port = await portOf(createServer(application))
    expect(JSON.parse((await call(port, { path: '/id/auth/login?x=1', body: '{}' })).body)).toMatchObject({
      path: '/id/auth/login',
      body: '{}',
    })
    expect((await call(port, { path: '/after' })).body).toBe('/after')
  })

  test('Express 5 behind a body parser: a clear refusal instead of a wait without end', async () => {
    const messages: string[] = []
    const application = express()
    application.use(express.json())
    application.use('/id', toNodeHandler(echo, { error: (_facts, message) => messages.push(message) }))
    const port = await portOf(createServer(application))
    const reply = await call(port, { path: '/id/auth/login', body: '{"a":1}' })
    expect(reply.status).toBe(500)
    expect(JSON.parse(reply.body)).toMatchObject({ error: 'server_error', reason: 'body_already_read' })
    expect(messages).toEqual([expect.stringContaining('mount Pawl in front of it')])
    expect((await call(port, { path: '/id/auth/session' })).status).toBe(200)
  })

  test('a body that a platform keeps as rawBody is used', async () => {
    const handler = toNodeHandler(echo)
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => handler(Object.assign(request, { rawBody: Buffer.concat(chunks) }), response))
    })
    expect(JSON.parse((await call(await portOf(server), { body: '{"a":1}' })).body)).toMatchObject({ body: '{"a":1}' })
  })

  test('Fastify 5, in a plugin that leaves bodies alone', async () => {
    const handler = toNodeHandler(echo)
    const application = fastify()
    application.register((scope, _options, registered) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _body, done) => done(null))
      scope.all('/id/*', (request, reply) => {
        reply.hijack()
        handler(request.raw, reply.raw)
      })
      registered()
    })
    await application.listen({ port: 0, host: '127.0.0.1' })
    closers.push(() => application.close())
    const port = portNumber(application.server.address())
    expect(JSON.parse((await call(port, { path: '/id/auth/login', body: '{"a":1}' })).body)).toMatchObject({
      path: '/id/auth/login',
      body: '{"a":1}',
    })
  })

  test('Fastify 5 with its own body parser: a clear refusal', async () => {
    const handler = toNodeHandler(echo)
    const application = fastify()
    application.all('/id/*', (request, reply) => {
      reply.hijack()
      handler(request.raw, reply.raw)
    })
    await application.listen({ port: 0, host: '127.0.0.1' })
    closers.push(() => application.close())
    const port = portNumber(application.server.address())
    expect(JSON.parse((await call(port, { path: '/id/x', body: '{"a":1}' })).body)).toMatchObject({
      reason: 'body_already_read',
    })
  })
})

describe('listening', () => {
  test('a request arrives with path, body and remote address', async () => {
    const { port } = await listening(echo)
    const reply = await call(port, { path: '/auth/login?x=1', body: '{"a":1}' })
    expect(JSON.parse(reply.body)).toEqual({ path: '/auth/login', body: '{"a":1}', remoteAddress: '127.0.0.1' })
  })

  test('T27.1 a Host of any name is served', async () => {
    const { port } = await listening(echo)
    expect((await call(port, { headers: { host: 'unheard-of.example:99' } })).status).toBe(200)
  })

  test('a malformed Host is answered by the error table', async () => {
    const { port } = await listening(echo)
    const reply = await call(port, { headers: { host: 'a b' } })
    expect(reply.status).toBe(400)
    expect(JSON.parse(reply.body)).toMatchObject({
      error: 'invalid_request',
      reason: 'malformed_target',
      request_id: expect.any(String),
    })
  })

  test('a handler that throws is a 500 that says nothing of the cause', async () => {
    const { port } = await listening(() => Promise.reject(new Error('hunter2')))
    const reply = await call(port)
    expect(reply.status).toBe(500)
    expect(JSON.parse(reply.body)).toMatchObject({ error: 'server_error' })
    expect(reply.body).not.toContain('hunter2')
  })

  test('headers of more than 16 KiB are refused', async () => {
    const { port } = await listening(echo)
    expect((await call(port, { headers: { cookie: 'a'.repeat(16 * 1024) } })).status).toBe(431)
  })

  test('an address that is taken is an error of its own', async () => {
    const { port } = await listening(echo)
    await expect(listen({ fetch: echo, host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('draining', () => {
  test('a request under way is answered, its connection ends, and only then the listener is closed', async () => {
    const { fetch, arrived, release } = held()
    const listener = await listening(fetch)
    const agent = new Agent({ keepAlive: true })
    const reply = call(listener.port, { agent })
    await arrived
    let closed = false
    const closing = listener.close().then(() => {
      closed = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(closed).toBe(false)
    release()
    expect(await reply).toMatchObject({ status: 200, body: 'done', headers: { connection: 'close' } })
    await closing
    agent.destroy()
  })

  test('a reply that has begun is finished, and its connection does not stay', async () => {
    const { promise: sent, resolve: finish } = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const listener = await listening(async () => {
      const body = new ReadableStream({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode('first '))
          void sent.then(() => {
            controller.enqueue(new TextEncoder().encode('last'))
            controller.close()
          })
        },
      })
      return new Response(body)
    })
    const agent = new Agent({ keepAlive: true })
    const request = httpRequest({ host: '127.0.0.1', port: listener.port, agent })
    const text = new Promise<string>((resolve) => {
      request.once('response', (response) => {
        let received = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          received += chunk
          begun.resolve()
        })
        response.on('end', () => resolve(received))
      })
    })
    request.end()
    await begun.promise
    const closing = listener.close({ drainMilliseconds: 60_000 })
    finish()
    expect(await text).toBe('first last')
    await closing
    agent.destroy()
  })

  test('idle connections do not hold it up', async () => {
    const listener = await listening(echo)
    const agent = new Agent({ keepAlive: true })
    await call(listener.port, { agent })
    await listener.close({ drainMilliseconds: 60_000 })
    agent.destroy()
  })

  test('new connections are refused', async () => {
    const listener = await listening(echo)
    await listener.close()
    await expect(call(listener.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('what is still under way after the time given is cut off', async () => {
    const { fetch, arrived } = held()
    const listener = await listening(fetch)
    const reply = call(listener.port)
    const failed = expect(reply).rejects.toMatchObject({ code: 'ECONNRESET' })
    await arrived
    await listener.close({ drainMilliseconds: 1 })
    await failed
  })

  test('closing twice is closing once', async () => {
    const listener = await listening(echo)
    expect(listener.close()).toBe(listener.close())
    await listener.close()
  })

  test('a connection that never sent a request is not waited for', async () => {
    const listener = await listening(echo)
    const socket = connect(listener.port, '127.0.0.1')
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    // One full exchange, so that the server has surely accepted the other connection too.
    await call(listener.port)
    await listener.close({ drainMilliseconds: 60_000 })
    await ended
  })
})
