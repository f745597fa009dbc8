import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSocketServer, type Server } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDocumentFetch, type DocumentReading, type Resolve } from '../../src/client-documents/fetch-document.ts'

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on a port')
  return address.port
}

/** A publisher on a loopback address, to which an administrator's URL may lead. */
async function publisher(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  onTestFinished(() => server.closeAllConnections())
  return `http://127.0.0.1:${await listening(server)}`
}

const json = { 'content-type': 'application/json' }
const fetchDocument = createDocumentFetch()
const fromAnywhere = (url: string, largestBytes = 100) => fetchDocument({ url, reach: 'anywhere', largestBytes })

/** As a stranger's URL is read, with a resolver of the test's. */
function fromPublic(url: string, resolve: Resolve = async () => ['127.0.0.1']): Promise<DocumentReading> {
  return createDocumentFetch({ resolve })({ url, reach: 'public', largestBytes: 100 })
}

describe('a document', () => {
  test('is read, with how long it may be kept', async () => {
    const asked: unknown[] = []
    const url = await publisher(({ url: path, method, headers }, response) => {
      asked.push({ path, method, accept: headers.accept, cookie: headers.cookie })
      response.writeHead(200, {
        'content-type': 'application/client+json; charset=utf-8',
        'cache-control': 'max-age=90',
        age: '30',
      })
      response.end('{"a":"ä"}')
    })
    expect(await fromAnywhere(`${url}/keys`)).toEqual({ kind: 'read', document: { a: 'ä' }, maxAgeSeconds: 60 })
    expect(asked).toEqual([{ path: '/keys', method: 'GET', accept: 'application/json', cookie: undefined }])
  })

  test.each<[string, Record<string, string>, number | undefined]>([
    ['nothing is said', {}, undefined],
    ['it must not be stored', { 'cache-control': 'public, no-store, max-age=60' }, 0],
    ['it must be asked for each time', { 'cache-control': 'no-cache' }, 0],
    ['it is older than it may be', { 'cache-control': 'max-age=60', age: '90' }, 0],
    ['the age is nonsense', { 'cache-control': 's-maxage=5, max-age="60"', age: '-1' }, 60],
    ['the lifetime is nonsense', { 'cache-control': 'max-age=-5' }, undefined],
  ])('CM-4 %s', async (_, headers, maxAgeSeconds) => {
    const url = await publisher((_request, response) => response.writeHead(200, { ...json, ...headers }).end('{}'))
    expect(await fromAnywhere(url)).toEqual({ kind: 'read', document: {}, maxAgeSeconds })
  })

  test.each<[string, RequestListener, DocumentReading]>([
    [
      'CM-2 a redirect is not followed',
      (_, to) => to.writeHead(302, { ...json, location: '/other' }).end('{}'),
      { kind: 'refused', detail: 'status 302' },
    ],
    ['CM-2 only 200 counts', (_, to) => to.writeHead(203, json).end('{}'), { kind: 'refused', detail: 'status 203' }],
    ['gone', (_, to) => to.writeHead(404).end(), { kind: 'refused', detail: 'status 404' }],
    [
      'a page',
      (_, to) => to.writeHead(200, { 'content-type': 'text/html' }).end('{}'),
      { kind: 'refused', detail: 'content type' },
    ],
    ['a list', (_, to) => to.writeHead(200, json).end('[]'), { kind: 'refused', detail: 'no JSON object' }],
    [
      'a member twice',
      (_, to) => to.writeHead(200, json).end('{"a":1,"a":2}'),
      { kind: 'refused', detail: 'no JSON object' },
    ],
    [
      'no UTF-8',
      (_, to) => to.writeHead(200, json).end(Buffer.from([0x7b, 0xff, 0x7d])),
      { kind: 'refused', detail: 'no JSON object' },
    ],
    [
      'CM-3 too long',
      (_, to) => to.writeHead(200, json).end(`{"a":"${'x'.repeat(100)}"}`),
      { kind: 'refused', detail: 'too large' },
    ],
    ['overloaded', (_, to) => to.writeHead(503).end(), { kind: 'unavailable', detail: 'status 503' }],
    ['asked too often', (_, to) => to.writeHead(429).end(), { kind: 'unavailable', detail: 'status 429' }],
    [
      'broken off',
      (_, to) => void to.writeHead(200, json).write('{', () => to.destroy()),
      { kind: 'unavailable', detail: 'unreachable' },
    ],
    ['no answer', (_, to) => to.destroy(), { kind: 'unavailable', detail: 'unreachable' }],
    [
      'headers without end',
      (_, to) => to.writeHead(200, { ...json, x: 'x'.repeat(9000) }).end('{}'),
      { kind: 'unavailable', detail: 'unreachable' },
    ],
  ])('%s', async (_, listener, reading) => {
    expect(await fromAnywhere(await publisher(listener))).toEqual(reading)
  })

  test('T18.3 CM-3 one that never comes to its end is given up after 5 seconds', async () => {
    const url = await publisher((_, to) => to.writeHead(200, json).write('{"a":'))
    expect(await fromAnywhere(url)).toEqual({ kind: 'unavailable', detail: 'unreachable' })
  })

  test('more than 16 at once are not begun, and those of strangers take no place from the others', async () => {
    const waiting = Promise.withResolvers<void>()
    const fetching = createDocumentFetch({
      resolve: () => waiting.promise.then(() => Promise.reject(new Error('none'))),
    })
    const ask = (url: string) => fetching({ url, reach: 'public', largestBytes: 100 })
    const begun = Array.from({ length: 16 }, (_, index) => ask(`https://${index}.example/`))
    expect(await ask('https://one-more.example/')).toEqual({ kind: 'unavailable', detail: 'busy' })
    const url = await publisher((_, to) => to.writeHead(200, json).end('{}'))
    expect(
      await fetching({ url: url.replace('127.0.0.1', 'localhost'), reach: 'anywhere', largestBytes: 9 }),
    ).toMatchObject({ kind: 'unavailable', detail: 'unreachable' })
    waiting.resolve()
    expect(new Set((await Promise.all(begun)).map(({ kind }) => kind))).toEqual(new Set(['unavailable']))
    expect(await ask('https://one-more.example/')).toEqual({ kind: 'unavailable', detail: 'unreachable' })
  })
})

describe('T18.3 CM-3 a URL that a stranger names', () => {
  test.each([
    'http://client.example/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://169.254.169.254/latest/meta-data',
    'https://user@client.example/',
    'https://user:password@client.example/',
    'ftp://client.example/',
    'file:///etc/passwd',
    'data:application/json,{}',
    'client.example',
    '',
  ])('%s: nobody is asked', async (url) => {
    const reading = await fromPublic(url, () => Promise.reject(new Error('nobody may ask')))
    expect(reading).toEqual({ kind: 'refused', detail: 'address' })
  })

  test.each([
    ['127.0.0.1'],
    ['10.0.0.1'],
    ['169.254.169.254'],
    ['::1'],
    ['fd00::1'],
    // Which of them the connection goes to must not be left to chance.
    ['93.184.215.14', '127.0.0.1'],
    ['2606:4700::1111', 'fe80::1'],
  ])('a name that leads to %s %s is refused', async (...addresses) => {
    const reading = await fromPublic('https://client.example/', async () => addresses)
    expect(reading).toEqual({ kind: 'refused', detail: 'address' })
  })

  test('a name without an address is unreachable', async () => {
    expect(await fromPublic('https://client.example/', async () => [])).toEqual({
      kind: 'unavailable',
      detail: 'unreachable',
    })
  })

  test('a name is resolved once, and the connection goes to just that address', async () => {
    const knocked = Promise.withResolvers<Buffer>()
    const port = await listening(
      createSocketServer((socket) => {
        socket
          .on('error', () => {})
          .once('data', (hello: Buffer) => {
            knocked.resolve(hello)
            socket.destroy()
          })
      }),
    )
    const asked: string[] = []
    const resolve: Resolve = async (name) => {
      asked.push(name)
      return asked.length === 1 ? ['127.0.0.1'] : ['127.0.0.2']
    }
    const fetching = createDocumentFetch({ resolve, isPermitted: (address) => address === '127.0.0.1' })
    const reading = fetching({ url: `https://client.example:${port}/`, reach: 'public', largestBytes: 9 })
    // The greeting of TLS names whom it wants to talk to.
    expect((await knocked.promise).includes('client.example')).toBe(true)
    expect(await reading).toEqual({ kind: 'unavailable', detail: 'unreachable' })
    expect(asked).toEqual(['client.example'])
  })
})

test('an administrator’s URL may lead inside by https, and by http to a loopback address only', async () => {
  for (const url of ['http://keys.example/', 'http://10.0.0.1/', 'http://192.168.0.1/']) {
    expect(await fromAnywhere(url)).toEqual({ kind: 'refused', detail: 'address' })
  }
  expect(await fromAnywhere('https://127.0.0.1:1/')).toEqual({ kind: 'unavailable', detail: 'unreachable' })
})
