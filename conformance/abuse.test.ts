import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { errorReply } from './running-server/replies.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedState } from './running-server/stored-state.ts'

/** What a connection got before its end, and how long that took. */
interface Ending {
  readonly received: string
  readonly milliseconds: number
}

/** A connection to the server, over which a test sends what no HTTP client would. */
function open(server: StartedServer): { readonly socket: Socket; readonly ended: Promise<Ending> } {
  const begun = performance.now()
  const socket = connect(Number(new URL(server.origin).port), '127.0.0.1')
  const ended = new Promise<Ending>((resolve) => {
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    // Cut off in the middle of sending: an end like any other.
    socket.on('error', () => {})
    socket.on('close', () => resolve({ received, milliseconds: performance.now() - begun }))
  })
  return { socket, ended }
}

/** Sends something and reads until the server closes. */
async function sendRaw(server: StartedServer, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const { socket, ended } = open(server)
  for (const part of parts) socket.write(part)
  return (await ended).received
}

/** Sends one byte after the other for as long as the connection stands. */
function trickle(socket: Socket, text: string, everyMilliseconds: number): void {
  let sent = 0
  const timer = setInterval(() => {
    socket.write(text[sent % text.length] ?? 'x')
    sent += 1
  }, everyMilliseconds)
  socket.on('close', () => clearInterval(timer))
}

function statusOf(received: string): number | 'closed' {
  return received === '' ? 'closed' : Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(received)?.[1])
}

const body = JSON.stringify({ ...alice, delivery: 'body' })
const head = (path: string, ...headers: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n')
const json = 'Content-Type: application/json'
const form = 'Content-Type: application/x-www-form-urlencoded'

describe('slow clients', () => {
  test('are cut off: headers after 10 to 15 seconds, bodies after 20 to 25, and nothing came of them', async () => {
    await using server = await startServer()
    const slow = [
      { sent: 'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', trickled: 'x' },
      // A whole sign-in, and then blanks up to the length that was declared.
      { sent: head('/auth/login', json, 'Content-Length: 60000') + body, trickled: ' ' },
      { sent: head('/oauth/token', form, 'Transfer-Encoding: chunked'), trickled: '1\r\nx\r\n' },
    ].map(({ sent, trickled }) => {
      const { socket, ended } = open(server)
      socket.write(sent)
      trickle(socket, trickled, 100)
      return ended
    })
    const endings = await Promise.all(slow)
    expect(endings.map(({ received }) => statusOf(received))).toEqual([408, 408, 408])
    const [headers, ...bodies] = endings.map(({ milliseconds }) => milliseconds)
    expect(headers).toBeGreaterThan(9_000)
    expect(headers).toBeLessThan(18_000)
    for (const milliseconds of bodies) {
      expect(milliseconds).toBeGreaterThan(19_000)
      expect(milliseconds).toBeLessThan(28_000)
    }
    expect((await server.storage.listSessions(10)).sessions).toEqual([])
  })

  test('five hundred of them keep nobody else waiting', async () => {
    await using server = await startServer()
    const slow = Array.from({ length: 500 }, () => open(server))
    for (const { socket } of slow) socket.write('POST /auth/login HTTP/1.1\r\nHost: localhost\r\n')
    const begun = performance.now()
    const { refresh_token } = await signIn(server)
    expect((await tryRefresh(server, refresh_token)).status).toBe(200)
    expect(performance.now() - begun).toBeLessThan(5_000)
    for (const { socket } of slow) socket.destroy()
    await Promise.all(slow.map(({ ended }) => ended))
  })
})

describe('what no HTTP client sends', () => {
  const length = `Content-Length: ${body.length}`
  const cases: readonly (readonly [string, readonly (number | 'closed')[], readonly (string | Uint8Array)[]])[] = [
    ['100 KB of headers', [431], [head('/auth/login', json, `Cookie: ${'a'.repeat(100_000)}`)]],
    [
      '100 KB in a thousand headers',
      [431],
      [head('/auth/login', ...Array.from({ length: 1000 }, (_, n) => `X-${n}: ${'a'.repeat(90)}`))],
    ],
    ['a target of 100 KB', [414, 431], [`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`]],
    ['two lengths', [400], [head('/auth/login', json, length, 'Content-Length: 1'), body]],
    ['a length and chunks', [400], [head('/auth/login', json, length, 'Transfer-Encoding: chunked'), body]],
    ['a negative length', [400], [head('/auth/login', json, 'Content-Length: -1'), body]],
    ['a length in words', [400], [head('/auth/login', json, 'Content-Length: many'), body]],
    ['an unknown coding', [400, 501], [head('/auth/login', json, 'Transfer-Encoding: gzip, chunked, x'), body]],
    [
      'a chunk without a size',
      [400],
      [head('/auth/login', json, 'Transfer-Encoding: chunked'), `zz\r\n${body}\r\n0\r\n\r\n`],
    ],
    [
      'a chunk of more than there can be',
      [400, 413],
      [head('/auth/login', json, 'Transfer-Encoding: chunked'), 'fffffffffffffffff\r\n'],
    ],
    ['a folded header', [400], ['POST /auth/login HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n c\r\n\r\n']],
    ['a space before the colon', [400], ['POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n']],
    ['a NUL in a header', [400], ['POST /auth/login HTTP/1.1\r\nHost: localhost\r\nX-A: \0\r\n\r\n']],
    ['a NUL in the target', [400], ['GET /auth\0/session HTTP/1.1\r\nHost: localhost\r\n\r\n']],
    ['no Host', [400], ['GET /health/live HTTP/1.1\r\n\r\n']],
    ['HTTP/2 in the clear', [400, 'closed'], ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', new Uint8Array(30)]],
    ['TLS', [400, 'closed'], [Uint8Array.from([0x16, 0x03, 0x01, 0x00, 0x2e, 0x01, 0x00, 0x00, 0x2a, 0x03, 0x03])]],
    ['a megabyte of noise', [400, 'closed'], [new Uint8Array(1_000_000).fill(0x80)]],
    [
      'an unknown method',
      [400, 405, 'closed'],
      ['SPLIT /auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ],
    ['CONNECT', ['closed'], ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n']],
    [
      'an upgrade',
      [400, 404, 426, 'closed'],
      ['GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n'],
    ],
    ['another expectation', [417], [head('/auth/login', json, length, 'Expect: miracle', 'Connection: close'), body]],
  ]

  test.each(cases)('%s: refused or cut off, and nothing changes', async (_, statuses, parts) => {
    await using server = await startServer()
    const before = await storedState(server)
    expect(statuses).toContain(statusOf(await sendRaw(server, ...parts)))
    expect((await server.send('/health/live')).status).toBe(200)
    expect(await storedState(server)).toEqual(before)
  })

  test('1 MB is refused by its declared length, before it has come, and while it comes in chunks', async () => {
    await using server = await startServer()
    const megabyte = 'x'.repeat(1_000_000)
    const declared = await sendRaw(server, head('/auth/login', json, `Content-Length: ${megabyte.length}`))
    const chunked = head('/auth/login', json, 'Transfer-Encoding: chunked')
    const chunks = await sendRaw(server, chunked, `${megabyte.length.toString(16)}\r\n${megabyte}`)
    for (const received of [declared, chunks]) {
      expect(statusOf(received)).toBe(413)
      expect(received).toMatch(/\r\nConnection: close\r\n/i)
      expect(errorReply.parse(JSON.parse(received.slice(received.indexOf('{')))).error).toBe('payload_too_large')
    }
  })

  test('after a body that was too large the next request of the same client is served', async () => {
    await using server = await startServer()
    for (let count = 0; count < 10; count += 1) {
      const large = await server.send('/auth/login', { json: { ...alice, note: 'x'.repeat(1_000_000) } })
      expect(large.status).toBe(413)
      expect((await server.send('/health/live')).status).toBe(200)
    }
  })

  test('a client that leaves in the middle of its request changes nothing, and the server does not mind', async () => {
    await using server = await startServer()
    const before = await storedState(server)
    const parts = [
      'POST /auth/lo',
      head('/auth/login', json, length).slice(0, -4),
      head('/auth/login', json, length),
      head('/auth/login', json, length) + body.slice(0, 20),
    ]
    for (const part of parts) {
      const { socket, ended } = open(server)
      await new Promise<void>((resolve) => {
        socket.write(part, () => resolve())
      })
      socket.resetAndDestroy()
      await ended
    }
    await signIn(server, alice)
    expect(await storedState(server)).not.toEqual(before)
    expect((await server.storage.listSessions(10)).sessions).toHaveLength(1)
  })

  test('requests that are sent ahead on one connection are answered one by one, in order', async () => {
    await using server = await startServer()
    const one = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const last = 'GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const received = await sendRaw(server, one.repeat(200) + last)
    const statuses = [...received.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map(([, status]) => status)
    expect(statuses).toEqual([...Array.from({ length: 200 }, () => '200'), '404'])
  })

  test('what a refused body hides is never taken for a request of its own', async () => {
    await using server = await startServer()
    const { refresh_token } = await signIn(server)
    const smuggled = JSON.stringify({ refresh_token })
    const hidden = head('/auth/logout', json, `Content-Length: ${smuggled.length}`) + smuggled
    const filler = 'x'.repeat(70_000)
    for (const path of ['/auth/login', '/nothing', '/auth/session']) {
      await sendRaw(
        server,
        head(path, json, `Content-Length: ${filler.length + hidden.length}`, 'Connection: close') + filler + hidden,
      )
    }
    expect((await tryRefresh(server, refresh_token)).status).toBe(200)
  })
})
