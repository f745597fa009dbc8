import { createServer, request as openRequest, type Server } from 'node:http'
import express, { type Request as ExpressRequest, type Response as ExpressResponse, type NextFunction } from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import { claimsOf, type Verifier, type VerifyOptions } from '../src/index.ts'
import { protect as protectWorker } from '../src/middleware/cloudflare.ts'
import { protect as protectExpress, resourceMetadata as serveExpress } from '../src/middleware/express.ts'
import { protect as protectFastify, resourceMetadata as serveFastify } from '../src/middleware/fastify.ts'
import { protect as protectHandler, resourceMetadata as serveHandler } from '../src/middleware/fetch-handler.ts'
import { protect as protectHono, resourceMetadata as serveHono } from '../src/middleware/hono.ts'
import { guard, protect as protectNext, resourceMetadata as serveNext } from '../src/middleware/next.ts'
import { protectedResourceMetadata } from '../src/resource-metadata.ts'
import { audience, createIssuer, issuer } from './issuer-fixture.ts'

/** An API with one route, `/notes`, that tells who asked. */
type Api = (path: string, init?: RequestInit) => Promise<Response>

const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

/** Serves on this machine, and fetches from there. */
async function serve(server: Server): Promise<Api> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return (path, init) => fetch(`http://127.0.0.1:${address.port}${path}`, init)
}

const frameworks: Readonly<Record<string, (verifier: Verifier, options?: VerifyOptions) => Promise<Api>>> = {
  'a fetch handler': async (verifier, options) => {
    const handler = protectHandler(verifier, (_, claims) => Response.json({ owner: claims.sub }), options)
    return (path, init) => handler(new Request(`http://api.example${path}`, init))
  },
  'a route handler of Next.js': async (verifier, options) => {
    const GET = protectNext(
      verifier,
      (_, claims, context: { readonly params: Promise<object> }) => {
        return Response.json({ owner: claims.sub }, { headers: { params: typeof context.params } })
      },
      options,
    )
    return (path, init) => GET(new Request(`http://api.example${path}`, init), { params: Promise.resolve({}) })
  },
  'a proxy of Next.js': async (verifier, options) => {
    const proxy = guard(verifier, options)
    const route = protectNext(verifier, (_, claims) => Response.json({ owner: claims.sub }))
    return async (path, init) => {
      const request = () => new Request(`http://api.example${path}`, init)
      return (await proxy(request())) ?? route(request())
    }
  },
  'a Worker': async (verifier, options) => {
    const worker = {
      fetch: protectWorker(
        () => verifier,
        (_, claims) => Response.json({ owner: claims.sub }),
        options,
      ),
    }
    return (path, init) => {
      return worker.fetch(new Request(`http://api.example${path}`, init), {}, { waitUntil: () => undefined })
    }
  },
  hono: async (verifier, options) => {
    const app = new Hono()
    app.all('/notes', protectHono(verifier, options), (context) => context.json({ owner: claimsOf(context).sub }))
    return async (path, init) => app.request(path, init)
  },
  express: async (verifier, options) => {
    const app = express()
    app.all('/notes', protectExpress(verifier, options), (request, response) => {
      response.json({ owner: claimsOf(request).sub })
    })
    return serve(createServer(app))
  },
  fastify: async (verifier, options) => {
    const app = fastify()
    app.all('/notes', { onRequest: protectFastify(verifier, options) }, (request) => ({ owner: claimsOf(request).sub }))
    await app.ready()
    cleanUps.push(() => app.close())
    return serve(app.server)
  },
}

describe.each(Object.entries(frameworks))('%s', (_, create) => {
  const fixture = createIssuer({ cookie: true })
  const bearer = async (...changes: Parameters<typeof fixture.token>) => ({
    headers: { authorization: `Bearer ${await fixture.token(...changes)}` },
  })

  test('200 and the claims reach the handler', async () => {
    const api = await create(fixture.verifier)
    const response = await api('/notes', await bearer())
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ owner: 'user-1' })
  })

  test('each request gets its own claims', async () => {
    const api = await create(fixture.verifier)
    const users = Array.from({ length: 30 }, (_entry, index) => `user-${index}`)
    const owners = await Promise.all(
      users.map(async (sub) => (await api('/notes', await bearer({ claims: { sub } }))).json()),
    )
    expect(owners).toEqual(users.map((owner) => ({ owner })))
  })

  test('BR-2 401 without a token, with a challenge that names no error', async () => {
    const api = await create(fixture.verifier)
    const response = await api('/notes')
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="https://api.example"')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toMatchObject({ error: 'authentication_required', reason: 'missing_token' })
  })

  test('BR-3 401 invalid_token for an expired one', async () => {
    const api = await create(fixture.verifier)
    const response = await api('/notes', await bearer({ claims: { exp: 1 } }))
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(response.headers.get('content-type')).toContain('application/json')
    expect(await response.json()).toMatchObject({ error: 'invalid_token', reason: 'expired' })
  })

  test('BR-3 403 insufficient_scope with the scope', async () => {
    const api = await create(fixture.verifier, { require: { scope: ['notes:delete'] } })
    const response = await api('/notes', await bearer())
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*scope="notes:delete"/)
  })

  test('BR-1 400 for a token in header and query, for a malformed header, and for two headers', async () => {
    const api = await create(fixture.verifier)
    const twice = await api('/notes?access_token=x', await bearer())
    expect(twice.status).toBe(400)
    expect(twice.headers.get('www-authenticate')).toContain('error="invalid_request"')
    expect((await api('/notes', { headers: { authorization: 'Bearer' } })).status).toBe(400)
    const token = `Bearer ${await fixture.token()}`
    const headers: [string, string][] = [
      ['authorization', token],
      ['authorization', token],
    ]
    expect((await api('/notes', { headers })).status).toBe(400)
  })

  test('the access cookie, with its rule for unsafe requests', async () => {
    const api = await create(fixture.verifier)
    const cookie = `theme=dark; __Host-pawl_access=${await fixture.token()}`
    expect((await api('/notes', { headers: { cookie } })).status).toBe(200)
    const crossSite = await api('/notes', { method: 'POST', headers: { cookie, 'sec-fetch-site': 'cross-site' } })
    expect(crossSite.status).toBe(403)
    expect(crossSite.headers.get('www-authenticate')).toBeNull()
    expect(await crossSite.json()).toMatchObject({ error: 'csrf_rejected', reason: 'cross_site' })
    const trusted = await api('/notes', { method: 'POST', headers: { cookie, origin: 'https://id.example' } })
    expect(trusted.status).toBe(200)
  })

  test('503 with Retry-After while the keys cannot be read', async () => {
    const down = fixture.createVerifier({ fetch: async () => new Response(null, { status: 500 }) })
    const api = await create(down)
    const response = await api('/notes', await bearer())
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
  })

  test('a misspelled scope is told when the route is declared', async () => {
    await expect(create(fixture.verifier, { require: { scope: ['notes:read notes:write'] } })).rejects.toThrow(
      TypeError,
    )
  })
})

describe('around the middleware', () => {
  test('claimsOf on a route without protect throws', () => {
    expect(() => claimsOf({})).toThrow(/protect/)
  })

  test('BR-1 two Authorization lines are refused, though Node shows only the first', async () => {
    const fixture = createIssuer()
    const authorization = `Bearer ${await fixture.token()}`
    const app = express()
    app.get('/notes', protectExpress(fixture.verifier), (request, response) => {
      response.json({ owner: claimsOf(request).sub, seen: request.headers.authorization })
    })
    const server = createServer(app)
    await serve(server)
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const ask = (lines: readonly string[]) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = ['Host', 'api.example', ...lines.flatMap((line) => ['Authorization', line])]
        const outgoing = openRequest({ port, path: '/notes', headers }, (response) =>
          resolve(response.resume().statusCode),
        )
        outgoing.once('error', reject).end()
      })
    expect(await ask([authorization])).toBe(200)
    expect(await ask([authorization, 'Bearer x'])).toBe(400)
    expect(await ask([authorization, 'Basic dXNlcjpwYXNz'])).toBe(400)
  })

  test('express: what a handler throws reaches the error handler once', async () => {
    const fixture = createIssuer()
    const seen: unknown[] = []
    const app = express()
    app.get('/notes', protectExpress(fixture.verifier), () => {
      throw new Error('in the handler')
    })
    app.use((error: unknown, _request: ExpressRequest, response: ExpressResponse, _next: NextFunction) => {
      seen.push(error)
      response.status(500).end()
    })
    const api = await serve(createServer(app))
    const authorization = `Bearer ${await fixture.token()}`
    expect((await api('/notes', { headers: { authorization } })).status).toBe(500)
    expect(seen).toHaveLength(1)
  })

  test('a verifier that rejects becomes an error of the framework, never a request let in', async () => {
    const broken: Pick<Verifier, 'verify'> = { verify: () => Promise.reject(new Error('broken')) }
    const silent = express()
    silent.get('/notes', protectExpress(broken), (_request, response) => {
      response.json({ owner: 'anyone' })
    })
    silent.use((_error: unknown, _request: ExpressRequest, response: ExpressResponse, _next: NextFunction) => {
      response.status(500).end()
    })
    expect((await (await serve(createServer(silent)))('/notes')).status).toBe(500)
    const app = fastify()
    app.get('/notes', { onRequest: protectFastify(broken) }, () => ({ owner: 'anyone' }))
    expect((await app.inject('/notes')).statusCode).toBe(500)
    const hono = new Hono()
    hono.get('/notes', protectHono(broken), (context) => context.json({ owner: 'anyone' }))
    hono.onError((_error, context) => context.text('broken', 500))
    expect((await hono.request('/notes')).status).toBe(500)
    await expect(protectHandler(broken, () => new Response())(new Request('http://api.example'))).rejects.toThrow(
      'broken',
    )
  })
})

/** An API that serves nothing but its description; all else falls through to 404. */
const describers: Readonly<Record<string, (verifier: Verifier) => Promise<Api>>> = {
  'a fetch handler': async (verifier) => {
    const handler = serveHandler(verifier)
    return async (path, init) => handler(new Request(`http://api.example${path}`, init))
  },
  'a route handler of Next.js': async (verifier) => {
    const GET = serveNext(verifier)
    return async (path, init) => GET(new Request(`http://api.example${path}`, init))
  },
  'a Worker': async (verifier) => {
    const worker = protectWorker(verifier, () => new Response())
    return async (path, init) => {
      const response = await worker(new Request(`http://api.example${path}`, init), {}, { waitUntil: () => undefined })
      return response.status === 401 ? new Response(null, { status: 404 }) : response
    }
  },
  hono: async (verifier) => {
    const app = new Hono()
    app.use(serveHono(verifier))
    return async (path, init) => app.request(path, init)
  },
  express: async (verifier) => {
    const app = express()
    app.use(serveExpress(verifier))
    return serve(createServer(app))
  },
  fastify: async (verifier) => {
    const app = fastify()
    app.addHook('onRequest', serveFastify(verifier))
    await app.ready()
    cleanUps.push(() => app.close())
    return serve(app.server)
  },
}

describe.each(Object.entries(describers))('PR-1 %s', (_, create) => {
  const metadata = protectedResourceMetadata({ resource: `${audience}/v1`, issuers: [issuer] })
  const describing = () => {
    return createIssuer({ audience: [audience, metadata.document.resource], resourceMetadata: metadata }).verifier
  }

  test('rfc9728-3 describes the API to anybody, at its well-known path', async () => {
    const api = await create(describing())
    for (const path of [metadata.path, `${metadata.path}?x=1`]) {
      const response = await api(path)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toContain('application/json')
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(await response.json()).toEqual(metadata.document)
    }
    expect((await api(metadata.path, { method: 'HEAD' })).status).toBe(200)
  })

  test('and nowhere else', async () => {
    const api = await create(describing())
    for (const path of ['/', '/.well-known/oauth-protected-resource', `${metadata.path}/`, `/x${metadata.path}`]) {
      expect((await api(path)).status).toBe(404)
    }
    expect((await api(metadata.path, { method: 'POST' })).status).toBe(404)
  })
})

describe('a Worker', () => {
  test('makes its verifier once, of its bindings, and keeps alive what a request began', async () => {
    const fixture = createIssuer()
    const { keys } = fixture
    let fetches = 0
    const seen: unknown[] = []
    const worker = protectWorker(
      (env: { readonly audience: string }) => {
        seen.push(env)
        return fixture.createVerifier({
          audience: env.audience,
          pinnedKeys: { keys },
          fetch: async () => {
            fetches += 1
            return Response.json({ keys })
          },
        })
      },
      (_, claims, env, context) => Response.json({ owner: claims.sub, env, same: context === executionContext }),
    )
    const waiting: Promise<unknown>[] = []
    const executionContext = { waitUntil: (promise: Promise<unknown>) => waiting.push(promise) }
    const env = { audience }
    const authorization = `Bearer ${await fixture.token()}`
    for (let count = 0; count < 3; count += 1) {
      const response = await worker(new Request(audience, { headers: { authorization } }), env, executionContext)
      expect(await response.json()).toEqual({ owner: 'user-1', env, same: true })
    }
    expect(seen).toEqual([env])
    // The pinned key answered, and the fetch beside it is waited for.
    await Promise.all(waiting)
    expect([waiting.length, fetches]).toEqual([3, 1])
  })
})
