import { createServer } from 'node:http'
import { serve } from '@hono/node-server'
import { createPawl, memoryStorage, type Pawl, toNodeHandler } from '@pawl/server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { findFreePort } from './running-server/free-port.ts'
import { type Reply, type RequestLine, sendTo } from './running-server/http-request.ts'
import { type MovingClock, movingClock } from './running-server/moving-clock.ts'
import { isQuiet, named, readFeed } from './running-server/read-feed.ts'
import { sessionReply, sessionsReply } from './running-server/replies.ts'
import { alice } from './running-server/started-server.ts'

/** Starts an application of its own that has Pawl at `/id` and a route at `/hello`; gives what stops it. */
type Host = (pawl: Pawl, port: number) => Promise<() => Promise<void>>

const hosts: Readonly<Record<string, Host>> = {
  'Hono, by app.all': async (pawl, port) => {
    const app = new Hono()
    app.all('/id/*', (context) => pawl.fetch(context.req.raw))
    app.get('/hello', (context) => context.text('hello'))
    return served(serve({ fetch: app.fetch, hostname: '127.0.0.1', port }))
  },
  'Hono, by app.mount, which cuts the path off': async (pawl, port) => {
    const app = new Hono()
    app.mount('/id', pawl.fetch)
    app.get('/hello', (context) => context.text('hello'))
    return served(serve({ fetch: app.fetch, hostname: '127.0.0.1', port }))
  },
  'Express 5': async (pawl, port) => {
    const app = express()
    app.use('/id', toNodeHandler(pawl.fetch))
    app.use(express.json(), express.urlencoded())
    app.get('/hello', (_request, response) => {
      response.send('hello')
    })
    return served(app.listen(port, '127.0.0.1'))
  },
  'Fastify 5': async (pawl, port) => {
    const app = fastify()
    const handler = toNodeHandler(pawl.fetch)
    await app.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _body, done) => done(null))
      scope.all('/id/*', (request, reply) => {
        reply.hijack()
        handler(request.raw, reply.raw)
      })
      done()
    })
    app.get('/hello', () => 'hello')
    await app.listen({ host: '127.0.0.1', port })
    return () => app.close()
  },
  "Node's own server": async (pawl, port) => {
    const handler = toNodeHandler(pawl.fetch)
    return served(
      createServer((request, response) => {
        if (request.url === '/hello') response.end('hello')
        else handler(request, response)
      }).listen(port, '127.0.0.1'),
    )
  },
}

describe.each(Object.entries(hosts))('createPawl mounted at /id in %s', (name, host) => {
  test('the whole life of a session, tokens in the body', async () => {
    await using application = await startApplication(host)
    const session = await signIn(application)
    expect(await sessionStatus(application, session.access_token)).toBe(200)
    application.clock.advanceSeconds(900)
    const expired = await application.send('/auth/session', { bearer: session.access_token })
    expectRefusal(expired, 'invalid_token', 'expired')
    const next = await refresh(application, session.refresh_token)
    expect(await sessionStatus(application, next.access_token)).toBe(200)
    const logout = await application.send('/auth/logout', { json: { refresh_token: next.refresh_token } })
    expect(logout.status).toBe(204)
    expect(await sessionStatus(application, next.access_token)).toBe(401)
    expectRefusal(await tryRefresh(application, next.refresh_token), 'invalid_grant', 'logout')
  })

  test('the whole life of a session, tokens in cookies', async () => {
    await using application = await startApplication(host)
    const browser = openBrowser(application)
    expect((await browser.send('/auth/login', { json: alice })).status).toBe(200)
    expect((await browser.cookie('pawl_refresh'))?.path).toBe('/id/auth')
    const document = (await browser.send('/auth/session')).read(sessionReply)
    expect(document.user.username).toBe(alice.username)
    application.clock.advanceSeconds(900)
    expectRefusal(await browser.send('/auth/session'), 'invalid_token', 'expired')
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
    expect((await browser.send('/auth/session')).read(sessionReply).session_id).toBe(document.session_id)
    expect((await browser.send('/auth/logout', { json: {} })).status).toBe(204)
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
    expectRefusal(await browser.send('/auth/session'), 'authentication_required')
  })

  test('forms, deletions, documents and refusals pass through unchanged', async () => {
    await using application = await startApplication(host)
    const session = await signIn(application)
    const form = { grant_type: 'refresh_token', client_id: 'first-party', refresh_token: session.refresh_token }
    expect((await application.send('/oauth/token', { form })).status).toBe(200)
    const other = await signIn(application)
    const remove = { method: 'DELETE', bearer: session.access_token } as const
    expect((await application.send(`/auth/sessions/${other.session_id}`, remove)).status).toBe(204)
    expect((await application.send('/oauth/jwks')).status).toBe(200)
    const metadata = await application.send('/.well-known/oauth-authorization-server')
    expect(metadata.status, metadata.text).toBe(200)
    expectRefusal(await application.send('/auth/login', { json: { note: 'x'.repeat(70_000) } }), 'payload_too_large')
    expectRefusal(await application.send('/auth/nothing'), 'not_found')
    expectRefusal(await application.send('/auth/login'), 'method_not_allowed')
    const broken = { body: '{', headers: { 'content-type': 'application/json' } }
    expectRefusal(await application.send('/auth/login', broken), 'invalid_request', 'malformed_body')
  })

  test('T6.1 the revocation feed comes through as it is sent, and a reader that breaks off is noticed', async () => {
    await using application = await startApplication(host)
    const session = await signIn(application)
    {
      await using reading = await readFeed(`${application.origin}/id/revocations`)
      expect(reading.headers.get('content-type')).toBe('text/event-stream')
      await reading.until(isQuiet)
      await application.send('/auth/logout', { json: { refresh_token: session.refresh_token } })
      await reading.until((events) => named(events).includes(`session ${session.session_id}`))
      expect((await application.send('/metrics')).text).toContain('pawl_revocation_readers 1')
    }
    await eventually(async () => {
      expect((await application.send('/metrics')).text).toContain('pawl_revocation_readers 0')
    })
  })

  test('50 parallel refreshes get one successor', async () => {
    await using application = await startApplication(host)
    const session = await signIn(application)
    const replies = await Promise.all(Array.from({ length: 50 }, () => refresh(application, session.refresh_token)))
    expect(new Set(replies.map(({ refresh_token }) => refresh_token)).size).toBe(1)
  })

  test('the application around it keeps its own routes, and learns who asks', async () => {
    await using application = await startApplication(host)
    expect((await sendTo(`${application.origin}/hello`)).text).toBe('hello')
    const session = await signIn(application)
    const { sessions } = (await application.send('/auth/sessions', { bearer: session.access_token })).read(
      sessionsReply,
    )
    // A web-standard Request knows no peer; Node's handler is told.
    expect(sessions.map(({ address }) => address)).toEqual([name.startsWith('Hono') ? null : '127.0.0.1'])
  })
})

interface Application extends AsyncDisposable {
  readonly issuer: string
  readonly origin: string
  readonly clock: MovingClock
  readonly send: (path: string, request?: RequestLine) => Promise<Reply>
}

async function startApplication(host: Host): Promise<Application> {
  const clock = movingClock()
  const port = await findFreePort()
  const origin = `http://localhost:${port}`
  const storage = memoryStorage({ clock: clock.now })
  const logger = pino({ level: 'silent' })
  const secrets = ['hJ3kVq0Zt5Ry8Ub1Nc4Md6Pf9Gs2Kw7Xa1Lb3Ee5Rr8']
  const pawl = createPawl({ issuer: `${origin}/id`, storage, clock: clock.now, logger, secrets })
  const added = await pawl.administration.addUser({ ...alice, roles: [] })
  if (added.outcome !== 'added') throw new Error(added.outcome)
  const stop = await host(pawl, port)
  return {
    issuer: `${origin}/id`,
    origin,
    clock,
    send: (path, request) => sendTo(`http://127.0.0.1:${port}/id${path}`, request),
    async [Symbol.asyncDispose]() {
      await stop()
      await pawl.close()
    },
  }
}

/** What stops a listening server, idle connections included. */
function served(server: ReturnType<typeof serve>): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
}
