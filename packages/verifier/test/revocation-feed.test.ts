import { describe, expect, test } from 'vitest'
import {
  entry,
  event,
  type FeedReader,
  heartbeat,
  readFeed,
  snapshot,
  start,
  startFeed,
  step,
  until,
} from './feed-fixture.ts'

const claims = (sid: string) => ({
  iss: 'https://id.example',
  sub: 'user-1',
  aud: 'https://api.example',
  exp: start / 1_000 + 900,
  iat: start / 1_000,
  jti: 'token-1',
  client_id: 'client-1',
  sid,
})

const isRevoked = ({ feed }: FeedReader, sid: string) => feed.judge(claims(sid), 'key-1') === 'revoked'
const isLive = ({ feed }: FeedReader) => feed.report().state === 'live'

describe('the stream', () => {
  test('T6.1 what the issuer revokes is known without asking, on as many verifiers as there are', async () => {
    const server = await startFeed()
    server.greeting = () => snapshot('e.1', entry('before'))
    const readers = [readFeed(server.uri), readFeed(server.uri), readFeed(server.uri)]
    await until(() => readers.every(isLive))
    expect(readers.every((reader) => isRevoked(reader, 'before'))).toBe(true)
    expect(readers.some((reader) => isRevoked(reader, 'a'))).toBe(false)
    server.send(step('e.2', entry('a'), entry('b')) + step('e.3', entry('c')))
    await until(() => readers.every((reader) => ['a', 'b', 'c'].every((sid) => isRevoked(reader, sid))))
    expect(server.contacts).toHaveLength(3)
    expect(readers[0]?.feed.report()).toEqual({
      state: 'live',
      lagMilliseconds: 0,
      entries: 4,
      bytesEstimate: expect.any(Number),
    })
  })

  test('it is asked for as an event stream, with the token that is asked for each contact', async () => {
    const server = await startFeed()
    let asked = 0
    const reader = readFeed(server.uri, {
      token: async () => {
        asked += 1
        return `token-${asked}`
      },
    })
    await until(() => isLive(reader))
    server.cut()
    await until(() => server.contacts.length === 2)
    expect(server.contacts).toMatchObject([
      { accept: 'text/event-stream', authorization: 'Bearer token-1' },
      { accept: 'text/event-stream', authorization: 'Bearer token-2' },
    ])
    expect(server.contacts[0]).not.toHaveProperty('last-event-id')
    expect(server.contacts[0]).not.toHaveProperty('cookie')
  })

  test('a first contact without a token sends none, and where none can be had there is no contact', async () => {
    const server = await startFeed()
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    expect(server.contacts[0]).not.toHaveProperty('authorization')
    const lost = readFeed(
      server.uri,
      { token: () => Promise.reject(new Error('secret in a message')) },
      { random: () => 1 },
    )
    await until(() => lost.feed.report().problem === 'no token')
    expect(server.contacts).toHaveLength(1)
  })

  test('a snapshot in several events counts once it is complete', async () => {
    const server = await startFeed()
    server.greeting = () => event('e.5', { event: 'snapshot', entries: [entry('a')], more: true })
    const reader = readFeed(server.uri)
    await until(() => isRevoked(reader, 'a'))
    // Neither this heartbeat nor this step says that the snapshot is there.
    server.send(heartbeat('e.5') + step('e.6', entry('b')))
    await until(() => isRevoked(reader, 'b'))
    expect(reader.feed.report()).toMatchObject({ state: 'stale', lagMilliseconds: Number.POSITIVE_INFINITY })
    server.send(snapshot('e.6', entry('c')) + step('e.7', entry('d')))
    await until(() => isRevoked(reader, 'd'))
    expect(isLive(reader)).toBe(true)
    expect(reader.feed.report().entries).toBe(4)
    expect(server.contacts).toHaveLength(1)
  })

  test('it resumes where it was', async () => {
    const server = await startFeed()
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    server.send(step('e.2', entry('a')))
    await until(() => isRevoked(reader, 'a'))
    server.greeting = (headers) =>
      headers['last-event-id'] === 'e.2' ? step('e.3', entry('b')) + heartbeat('e.3') : ''
    server.cut()
    await until(() => isRevoked(reader, 'b'))
    expect(isRevoked(reader, 'a')).toBe(true)
    expect(server.contacts[1]).toMatchObject({ 'last-event-id': 'e.2' })
  })

  test.each([
    ['a step that was left out', step('e.4', entry('late'))],
    ['a step that comes a second time', step('e.1', entry('late'))],
    ['a step of another epoch', step('f.2', entry('late'))],
    ['a heartbeat that is ahead', step('e.2', entry('late')) + heartbeat('e.3')],
    ['a heartbeat that is behind', step('e.2', entry('late')) + heartbeat('e.1')],
    ['a heartbeat of another epoch', step('e.2', entry('late')) + heartbeat('f.2')],
  ])('%s: what it says holds, and the rest is asked for', async (_, text) => {
    const server = await startFeed()
    server.greeting = () => snapshot('e.1', entry('a'))
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    server.greeting = () => snapshot('e.9', entry('missed'))
    server.send(text)
    await until(() => isRevoked(reader, 'missed'))
    expect(isRevoked(reader, 'late') && isRevoked(reader, 'a')).toBe(true)
    expect(server.contacts[1]).not.toHaveProperty('last-event-id')
  })

  test('a new epoch, or a lower sequence, takes nothing away', async () => {
    const server = await startFeed()
    server.greeting = () => snapshot('e.9', entry('a'))
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    server.greeting = () => snapshot('f.1', entry('b'))
    server.cut()
    await until(() => isRevoked(reader, 'b'))
    server.greeting = () => snapshot('f.0', entry('c'))
    server.cut()
    await until(() => isRevoked(reader, 'c'))
    expect(['a', 'b', 'c'].every((sid) => isRevoked(reader, sid))).toBe(true)
    server.send(step('f.1', entry('d')))
    await until(() => isRevoked(reader, 'd'))
    expect(server.contacts).toHaveLength(3)
  })

  test('comments, events and kinds of entries that are not known are passed over', async () => {
    const server = await startFeed()
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    server.send(': hello\n\nid: e.7\nevent: goodbye\ndata: {\n\ndata: unnamed\n\n')
    server.send('id: e.2\nevent: entries\ndata: {"entries":[{"kind":"device","id":"d","at":1,"until":2}]}\n\n')
    server.send(step('e.3', entry('a')))
    await until(() => isRevoked(reader, 'a'))
    expect(server.contacts).toHaveLength(1)
  })

  test('closed, it asks no more, and what it knows stays', async () => {
    const server = await startFeed()
    server.greeting = () => snapshot('e.1', entry('a'))
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    reader.feed.close()
    server.cut()
    reader.pass(15_001)
    await new Promise(setImmediate)
    expect(server.contacts).toHaveLength(1)
    expect(isRevoked(reader, 'a')).toBe(true)
    expect(reader.feed.report()).toMatchObject({ state: 'stale', problem: 'closed' })
  })

  test('T6.4 entries are forgotten by the clocks of both, the reader and the issuer', async () => {
    const server = await startFeed()
    server.greeting = () => snapshot('e.1', entry('a'))
    const reader = readFeed(server.uri)
    await until(() => isLive(reader))
    const gone = 900_000 + 30_001
    // The reader's clock leaps ahead, and back again.
    reader.now += gone
    server.send(heartbeat('e.1', start + 61_000) + step('e.2', entry('b')))
    await until(() => isRevoked(reader, 'b'))
    expect(isRevoked(reader, 'a')).toBe(true)
    reader.now -= gone
    // Then the issuer's does.
    server.send(heartbeat('e.2', start + gone) + step('e.3', entry('c')))
    await until(() => isRevoked(reader, 'c'))
    expect(isRevoked(reader, 'a')).toBe(true)
    reader.now += gone
    server.send(heartbeat('e.3', start + gone + 61_000) + step('e.4'))
    await until(() => reader.feed.report().entries === 0)
  })
})
