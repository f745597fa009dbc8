import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { fetchKeySet } from '../src/key-set.ts'
import { createIssuer, createKey } from './issuer-fixture.ts'

const uri = 'https://id.example/oauth/jwks'
const { jwk } = await createKey('ES256', 'a')
const set = JSON.stringify({ keys: [jwk] })

let server: Server | undefined

afterEach(() => {
  vi.useRealTimers()
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

/** Serves on this machine, and gives the address. */
async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const address = started.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

const failsWith = (detail: string) => ({ ok: false, detail })

describe('JW-8 fetching the key set', () => {
  test('a key set is read, whatever its content type is called', async () => {
    for (const type of [
      'application/jwk-set+json',
      'application/json',
      'application/json; charset=utf-8',
      'text/plain',
    ]) {
      const reading = await fetchKeySet(uri, async () => new Response(set, { headers: { 'content-type': type } }))
      expect(reading.ok && [...reading.keys.keys()]).toEqual(['a'])
    }
  })

  test('it is asked for with GET, without credentials, without following redirects', async () => {
    const fetch = vi.fn(async (_: string, init: RequestInit) => {
      expect(init).toMatchObject({ redirect: 'manual', cache: 'no-store', headers: { accept: /json/ } })
      expect(init.method).toBeUndefined()
      return new Response(set)
    })
    await fetchKeySet(uri, fetch)
    expect(fetch).toHaveBeenCalledWith(uri, expect.objectContaining({ signal: expect.any(AbortSignal) }))
  })

  test('keys that mean nothing here are left out, and do not spoil the rest', async () => {
    const others = [
      null,
      7,
      'key',
      [],
      {},
      { kty: 'oct', k: 'AAAA', kid: 'b' },
      { kty: 'EC', crv: 'P-521', kid: 'c' },
      { kid: 'd' },
    ]
    const reading = await fetchKeySet(uri, async () => Response.json({ keys: [...others, jwk, ...others] }))
    expect(reading.ok && [...reading.keys.keys()]).toEqual(['a'])
  })

  test('an empty set is an answer: the issuer has withdrawn its keys', async () => {
    expect(await fetchKeySet(uri, async () => Response.json({ keys: [] }))).toEqual({ ok: true, keys: new Map() })
  })

  test.each([
    '<!doctype html><title>Sign in to the hotel network</title>',
    '',
    'null',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":null}',
    `${set}x`,
    `{"keys":[],${set.slice(1)}`,
    `[${set}]`,
    '{"keys":[',
  ])('%s is not a key set', async (body) => {
    expect(await fetchKeySet(uri, async () => new Response(body))).toEqual(failsWith('not a key set'))
  })

  test.each([201, 204, 304, 400, 401, 404, 429, 500, 502, 503])('status %i is a failure', async (status) => {
    const body = status === 204 || status === 304 ? null : set
    expect(await fetchKeySet(uri, async () => new Response(body, { status }))).toEqual(failsWith(`status ${status}`))
  })

  test.each([301, 302, 303, 307, 308])('a %i is not followed, not even on the same host', async (status) => {
    const asked: (string | undefined)[] = []
    const origin = await serve((request, response) => {
      asked.push(request.url)
      if (request.url === '/jwks') response.writeHead(status, { location: '/elsewhere' }).end()
      else response.end(set)
    })
    expect(await fetchKeySet(`${origin}/jwks`, fetch)).toEqual(failsWith(`status ${status}`))
    expect(asked).toEqual(['/jwks'])
  })

  test('an answer that a fetch of somebody else was redirected to is refused', async () => {
    const origin = await serve((request, response) => {
      if (request.url === '/jwks') response.writeHead(302, { location: '/elsewhere' }).end()
      else response.end(set)
    })
    expect(await fetchKeySet(`${origin}/jwks`, (url) => fetch(url))).toEqual(failsWith('redirect'))
  })

  test('more than 64 KiB are not read, though the answer never ends', async () => {
    let sent = 0
    const origin = await serve((_, response) => {
      const more = () => {
        sent += 16_384
        if (response.write('x'.repeat(16_384))) setImmediate(more)
        else response.once('drain', more)
      }
      more()
    })
    expect(await fetchKeySet(origin, fetch)).toEqual(failsWith('too large'))
    expect(sent).toBeLessThan(20_000_000)
  })

  test('64 KiB are read, one byte more is not', async () => {
    const sized = (bytes: number) => async () => new Response(set + ' '.repeat(bytes - set.length))
    expect(await fetchKeySet(uri, sized(65_536))).toMatchObject({ ok: true })
    expect(await fetchKeySet(uri, sized(65_537))).toEqual(failsWith('too large'))
  })

  test('a port where nobody listens is unreachable', async () => {
    const origin = await serve(() => {})
    await new Promise((resolve) => server?.close(resolve))
    expect(await fetchKeySet(origin, fetch)).toEqual(failsWith('unreachable'))
  })

  test.each<[string, () => Promise<Response>]>([
    ['the head', () => new Promise<Response>(() => {})],
    ['the body', async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))],
  ])('after 5 s of waiting for %s it is given up and aborted', async (_, answer) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let signal: AbortSignal | null | undefined
    const reading = fetchKeySet(uri, (_url, init) => {
      signal = init.signal
      return answer()
    })
    await vi.advanceTimersByTimeAsync(4_999)
    expect(signal?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await reading).toEqual(failsWith('timeout'))
    expect(signal?.aborted).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('no timer is left behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await fetchKeySet(uri, async () => new Response(set))
    await fetchKeySet(uri, async () => new Response(null, { status: 500 }))
    await fetchKeySet(uri, () => Promise.reject(new TypeError('fetch failed')))
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the verifier says that the keys cannot be read: 503, no word about the token', async () => {
    const { verifier, token } = createIssuer({ fetch: async () => new Response('down', { status: 502 }) })
    expect(await verifier.verify(await token())).toMatchObject({
      ok: false,
      refusal: {
        reason: 'keys_unavailable',
        error: 'temporarily_unavailable',
        status: 503,
        retryAfterSeconds: 1,
        detail: 'status 502',
      },
    })
  })

  test('a fetch that throws at once is unreachable too', async () => {
    const throwing = () => {
      throw new TypeError('fetch failed')
    }
    expect(await fetchKeySet(uri, throwing)).toEqual(failsWith('unreachable'))
  })
})
