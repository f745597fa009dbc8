import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import {
  entry,
  type FeedReader,
  type FeedServer,
  heartbeat,
  readFeed,
  snapshot,
  startFeed,
  step,
  until,
} from './feed-fixture.ts'

const token = 'a-token-that-nobody-else-may-see'
const stream = { 'content-type': 'text/event-stream' }
const isLive = ({ feed }: FeedReader) => feed.report().state === 'live'

const claims = { iss: 'i', sub: 'u', aud: 'a', exp: 1, iat: 1, jti: 'j', client_id: 'c' }

/** Has the next contact answered in a bad way, and the ones after it in a good one; gives the reader once it is live. */
async function recover(
  server: FeedServer,
  answer: FeedServer['answer'],
): Promise<{ reader: FeedReader; problem: string }> {
  const good = server.answer
  const problems: (string | undefined)[] = []
  server.answer = (request: IncomingMessage, response: ServerResponse) => {
    server.answer = good
    answer(request, response)
  }
  const reader = readFeed(
    server.uri,
    { token: () => token },
    {
      // Asked when a contact has ended, before the next one.
      random: () => {
        problems.push(reader.feed.report().problem)
        return 0
      },
    },
  )
  await until(() => isLive(reader))
  expect(server.contacts).toHaveLength(2)
  return { reader, problem: String(problems[0]) }
}

describe('a feed that is not as it has to be is left, and asked again from the beginning', () => {
  const answers: readonly [string, string, FeedServer['answer']][] = [
    ['an error', 'status 500', (_, response) => response.writeHead(500, stream).end(snapshot('e.1', entry('x')))],
    ['not allowed', 'status 401', (_, response) => response.writeHead(401).end()],
    ['nothing', 'status 204', (_, response) => response.writeHead(204).end()],
    ['part of it', 'status 206', (_, response) => response.writeHead(206, stream).end(snapshot('e.1', entry('x')))],
    [
      'a page',
      'not an event stream',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(snapshot('e.1', entry('x'))),
    ],
    ['no type', 'not an event stream', (_, response) => response.writeHead(200).end(snapshot('e.1', entry('x')))],
    [
      'nearly the type',
      'not an event stream',
      (_, response) =>
        response.writeHead(200, { 'content-type': 'text/event-streams' }).end(snapshot('e.1', entry('x'))),
    ],
    ['an end', 'ended by the other side', (_, response) => response.writeHead(200, stream).end()],
    ['a cut', 'unreachable', (_, response) => response.destroy()],
    [
      'no JSON',
      'malformed',
      (_, response) => response.writeHead(200, stream).write('id: e.1\nevent: entries\ndata: {\n\n'),
    ],
    [
      'the wrong JSON',
      'malformed',
      (_, response) => response.writeHead(200, stream).write('id: e.1\nevent: entries\ndata: {"entries":[7]}\n\n'),
    ],
    [
      'no id',
      'malformed',
      (_, response) => response.writeHead(200, stream).write('event: heartbeat\ndata: {"now":1}\n\n'),
    ],
    [
      'an id that is none',
      'malformed',
      (_, response) => response.writeHead(200, stream).write('id: 7\nevent: heartbeat\ndata: {"now":1}\n\n'),
    ],
    [
      'what is not UTF-8',
      'malformed',
      (_, response) => response.writeHead(200, stream).write(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xfe])),
    ],
    [
      'an event of 2 MiB',
      'too large',
      (_, response) => response.writeHead(200, stream).write(`data: ${'x'.repeat(2 * 1_048_576)}`),
    ],
    [
      'an event of ever more lines',
      'too large',
      (_, response) => response.writeHead(200, stream).write('data: x\n'.repeat(150_000)),
    ],
  ]

  test.each(answers)('%s: %s', async (_, problem, answer) => {
    const server = await startFeed()
    const met = await recover(server, answer)
    expect(met.problem).toBe(problem)
    expect(met.reader.feed.report().entries).toBe(0)
    expect(server.contacts[1]).not.toHaveProperty('last-event-id')
  })

  test('a redirect is not followed: nobody else sees the token or is believed', async () => {
    const [server, other] = [await startFeed(), await startFeed()]
    other.greeting = () => snapshot('e.1', entry('forged'))
    const { problem } = await recover(server, (_, response) => response.writeHead(302, { location: other.uri }).end())
    expect(problem).toMatch(/redirect|status 302/)
    expect(other.contacts).toEqual([])
  })

  test('neither the token nor anything of the feed stands in a report', async () => {
    const server = await startFeed()
    const { reader, problem } = await recover(server, (_, response) => {
      response.writeHead(200, stream).write('id: e.1\nevent: entries\ndata: {"entries":["secret-id"]}\n\n')
    })
    const told = `${problem} ${JSON.stringify(reader.feed.report())}`
    expect(told).not.toContain(token)
    expect(told).not.toContain('secret-id')
  })

  test('what follows on the same connection is not read any more', async () => {
    const server = await startFeed()
    const { reader } = await recover(server, (_, response) => {
      response.writeHead(200, stream).write(`event: heartbeat\ndata: 7\n\n${snapshot('e.1', entry('x'))}`)
    })
    expect(reader.feed.report().entries).toBe(0)
  })

  test('an event of nearly 1 MiB is read, however it is cut', async () => {
    const server = await startFeed()
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    const entries = Array.from({ length: 9_000 }, (_, index) => entry(`session-${index}`.padEnd(22, '_')))
    const text = step('e.2', ...entries)
    expect(text.length).toBeGreaterThan(800_000)
    for (let cut = 0; cut < text.length; cut += 9_999) server.send(text.slice(cut, cut + 9_999))
    server.send(heartbeat('e.2'))
    await until(() => reader.feed.report().entries === 9_000)
    expect(isLive(reader)).toBe(true)
    expect(server.contacts).toHaveLength(1)
  })

  test('a name that is cut in the middle of a character is read as it was meant', async () => {
    const server = await startFeed()
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    for (const byte of Buffer.from(step('e.2', entry('übung-😀')))) server.send(Uint8Array.of(byte))
    await until(() => reader.feed.report().entries === 1)
    expect(reader.feed.judge({ ...claims, sid: 'übung-😀' }, 'key-1')).toBe('revoked')
  })
})
