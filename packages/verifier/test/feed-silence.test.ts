import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type RevocationFeedOptions, revocationFeed } from '../src/revocation-feed.ts'
import type { RevocationFeed, RevocationSurroundings } from '../src/revocation-source.ts'
import { entry, heartbeat, snapshot, start, step } from './feed-fixture.ts'

const second = 1_000
/** What a timer takes at least. */
const shortest = 1

beforeEach(() => {
  vi.useFakeTimers({ now: start })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A feed whose other side is in this process, so that its time can be that of the test. */
interface Line {
  readonly feed: RevocationFeed
  /** When contacts began, in milliseconds from the start. */
  readonly begun: number[]
  /** `Last-Event-ID` of each contact. */
  readonly resumed: (string | null)[]
  /** Sends to the contact under way. */
  say(text: string): void
  /** Ends the contact under way. */
  hangUp(): void
}

function dial(
  options: RevocationFeedOptions & { readonly greet?: () => string } = {},
  more: Partial<RevocationSurroundings> = {},
): Line {
  const { greet = () => '', ...feedOptions } = options
  const encoder = new TextEncoder()
  const begun: number[] = []
  const resumed: (string | null)[] = []
  const line = { begun, resumed, say: (_: string) => {}, hangUp: () => {} }
  const feed = revocationFeed(feedOptions)({
    issuer: 'https://id.example',
    assertUrl: () => undefined,
    clock: () => Date.now(),
    elapsed: () => Date.now() - start,
    random: () => 0,
    clockSkewSeconds: 30,
    fetch: async (_, init) => {
      line.begun.push(Date.now() - start)
      line.resumed.push(new Headers(init.headers).get('last-event-id'))
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          line.say = (text) => controller.enqueue(encoder.encode(text))
          line.hangUp = () => controller.close()
          line.say(greet())
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
    ...more,
  })
  return Object.assign(line, { feed })
}

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds)

describe('a half-open connection', () => {
  test('is given up after 15 s without a heartbeat, and the next contact resumes', async () => {
    const line = dial({ greet: () => snapshot('e.1', entry('a')) })
    await pass(0)
    line.say(step('e.2', entry('b')))
    await pass(15 * second - 1)
    expect(line.feed.report()).toMatchObject({ state: 'live', lagMilliseconds: 15 * second - 1 })
    expect(line.begun).toEqual([0])
    await pass(2)
    expect(line.begun).toEqual([0, 15 * second + shortest])
    expect(line.resumed).toEqual([null, 'e.2'])
    line.feed.close()
  })

  test('heartbeats keep it, and keep the lag small', async () => {
    const line = dial({ greet: () => snapshot('e.1') })
    for (let beats = 0; beats < 100; beats += 1) {
      await pass(5 * second)
      expect(line.feed.report()).toMatchObject({ state: 'live', lagMilliseconds: 5 * second })
      line.say(heartbeat('e.1', Date.now()))
    }
    await pass(0)
    expect(line.feed.report().lagMilliseconds).toBe(0)
    expect(line.begun).toEqual([0])
    line.feed.close()
  })

  test('a slow drip of anything else does not: comments, parts of an event, steps without a heartbeat', async () => {
    for (const drip of [() => ':\n\n', () => 'x', (count: number) => step(`e.${count + 2}`, entry('a'))]) {
      const line = dial({ greet: () => snapshot('e.1') })
      const before = Date.now() - start
      for (let count = 0; count < 15; count += 1) {
        line.say(drip(count))
        await pass(second)
      }
      await pass(shortest)
      expect(line.begun).toEqual([before, before + 15 * second + shortest])
      line.feed.close()
    }
  })

  test('nor heartbeats that were held back on the way: what they prove is old', async () => {
    const line = dial({ greet: () => snapshot('e.1') })
    await pass(0)
    await pass(10 * second)
    line.say(heartbeat('e.1', start + 5 * second))
    await pass(0)
    expect(line.feed.report()).toMatchObject({ state: 'live', lagMilliseconds: 5 * second })
    await pass(9 * second)
    line.say(heartbeat('e.1', start + 6 * second))
    await pass(second)
    expect(line.feed.report()).toMatchObject({ state: 'live', lagMilliseconds: 14 * second })
    line.feed.close()
  })

  test('nor a snapshot that never ends; one that goes on is waited for', async () => {
    const part = (id: string) =>
      `id: e.1\nevent: snapshot\ndata: {"entries":[${JSON.stringify(entry(id))}],"more":true}\n\n`
    const line = dial()
    for (let count = 0; count < 10; count += 1) {
      line.say(part(`session-${count}`))
      await pass(10 * second)
    }
    expect(line.begun).toEqual([0])
    expect(line.feed.report()).toMatchObject({ state: 'stale', entries: 10 })
    line.say(snapshot('e.1') + heartbeat('e.1', Date.now()))
    await pass(0)
    expect(line.feed.report()).toMatchObject({ state: 'live', entries: 10 })
    line.feed.close()
  })

  test('an issuer, or a source of tokens, that never answers is given up as well', async () => {
    for (const more of [{ fetch: () => new Promise<Response>(() => {}) }, {}]) {
      let asked = 0
      const token = () => {
        asked += 1
        return asked % 2 === 1 ? new Promise<string>(() => {}) : 'token'
      }
      const line = dial({ token, greet: () => snapshot('e.1') }, more)
      await pass(15 * second)
      expect(line.feed.report()).toMatchObject({ problem: 'fetch' in more ? 'silence' : expect.anything() })
      line.feed.close()
    }
  })
})

describe('pauses between contacts', () => {
  test('are of random length, the longest twice as long each time, up to 30 s', async () => {
    const random = vi.fn(() => 1)
    const line = dial({}, { random, fetch: async () => new Response(null, { status: 503 }) })
    const begun: number[] = []
    for (let seconds = 0; seconds <= 130; seconds += 1) {
      const before = random.mock.calls.length
      await pass(seconds === 0 ? 0 : second)
      if (random.mock.calls.length > before) begun.push(seconds)
    }
    expect(begun).toEqual([0, 2, 6, 14, 30, 60, 90, 120])
    random.mockReturnValue(0.5)
    await pass(20 * second)
    const before = random.mock.calls.length
    await pass(30 * second)
    expect(random.mock.calls.length).toBe(before + 2)
    line.feed.close()
  })

  test('are short again after a contact that lasted', async () => {
    const line = dial({ greet: () => snapshot('e.1') }, { random: () => 1 })
    await pass(0)
    for (const pause of [2, 4, 8, 16]) {
      line.hangUp()
      await pass(pause * second)
    }
    expect(line.begun).toEqual([0, 2, 6, 14, 30].map((seconds) => seconds * second))
    for (let beats = 0; beats < 7; beats += 1) {
      line.say(heartbeat('e.1', Date.now()))
      await pass(5 * second)
    }
    expect(line.begun).toHaveLength(5)
    const hungUp = Date.now() - start
    line.hangUp()
    await pass(second)
    expect(line.begun.at(-1)).toBe(hungUp + second)
    line.feed.close()
  })

  test('say when it is worth asking again', async () => {
    const line = dial({}, { random: () => 1, fetch: async () => new Response(null, { status: 503 }) })
    await pass(0)
    expect(line.feed.retryAfterSeconds()).toBe(2)
    await pass(1_500)
    expect(line.feed.retryAfterSeconds()).toBe(1)
    expect(line.feed.report().problem).toBe('status 503')
    line.feed.close()
  })

  test('end at once when the feed is closed', async () => {
    const line = dial({}, { random: () => 1, fetch: async () => new Response(null, { status: 503 }) })
    await pass(0)
    line.feed.close()
    await pass(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('an answer that needs the first contact', () => {
  test('waits for it, 5 s at most', async () => {
    const line = dial()
    let waited = false
    void line.feed.catchUp()?.then(() => {
      waited = true
    })
    await pass(5 * second - 1)
    expect(waited).toBe(false)
    await pass(1)
    expect(waited).toBe(true)
    expect(line.feed.catchUp()).toBeUndefined()
    line.feed.close()
  })

  test('and no longer than it takes, whether it comes about or not', async () => {
    const good = dial({ greet: () => snapshot('e.1') })
    const bad = dial({}, { fetch: () => Promise.reject(new Error('no network')), random: () => 1 })
    await Promise.all([good.feed.catchUp(), bad.feed.catchUp()])
    expect(good.feed.report().state).toBe('live')
    expect(bad.feed.report()).toMatchObject({ state: 'stale', problem: 'unreachable' })
    expect([good.feed.catchUp(), bad.feed.catchUp()]).toEqual([undefined, undefined])
    expect(Date.now()).toBe(start)
    good.feed.close()
    bad.feed.close()
  })
})

describe('on demand', () => {
  const answer = (text: string) => async () => {
    return new Response(text, { headers: { 'content-type': 'text/event-stream' } })
  }

  test('nothing is asked, no timer runs and no clock is read before a request comes', () => {
    const never = vi.fn(() => 0)
    const fetch = vi.fn(answer(''))
    const line = dial({ contact: 'on-demand' }, { fetch, clock: never, elapsed: never, random: never })
    expect([fetch, never].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
    expect(vi.getTimerCount()).toBe(0)
    line.feed.close()
  })

  test('one short contact serves all requests, and the next one resumes after 5 s, beside the request', async () => {
    const line = dial({ contact: 'on-demand', greet: () => snapshot('e.1', entry('a')) })
    await Promise.all([line.feed.catchUp(), line.feed.catchUp(), line.feed.catchUp()])
    expect(line.begun).toEqual([0])
    expect(line.feed.report()).toMatchObject({ state: 'live', lagMilliseconds: 0, entries: 1 })
    expect(line.feed.settled()).toBeUndefined()
    await pass(5 * second)
    expect(line.feed.catchUp()).toBeUndefined()
    expect(line.begun).toHaveLength(1)
    await pass(1)
    expect(line.feed.catchUp()).toBeUndefined()
    const settled = line.feed.settled()
    expect(settled).toBeInstanceOf(Promise)
    await settled
    expect(line.resumed).toEqual([null, 'e.1'])
    expect(line.feed.report().lagMilliseconds).toBe(0)
  })

  test('a request that finds what is known older than 15 s waits', async () => {
    const line = dial({ contact: 'on-demand', greet: () => snapshot('e.1', entry('a')) })
    await line.feed.catchUp()
    await pass(15 * second + 1)
    const waiting = line.feed.catchUp()
    expect(waiting).toBeInstanceOf(Promise)
    await waiting
    expect(line.feed.report().state).toBe('live')
  })

  test('a contact that comes to nothing is over after 5 s, and is not made again at once', async () => {
    const line = dial({ contact: 'on-demand' })
    const waiting = line.feed.catchUp()
    await pass(5 * second)
    await waiting
    expect(line.feed.report()).toMatchObject({ state: 'stale', problem: 'silence' })
    expect(line.feed.catchUp()).toBeUndefined()
    expect(line.feed.retryAfterSeconds()).toBe(2)
    await pass(2 * second)
    expect(line.feed.catchUp()).toBeInstanceOf(Promise)
    await pass(0)
    expect(line.begun).toHaveLength(2)
  })

  test('a contact that was abandoned with its request does not block the next one, nor speaks for it later', async () => {
    const line = dial({ contact: 'on-demand' })
    void line.feed.catchUp()
    await pass(0)
    const { say } = line
    // Some runtimes stop everything of a request with it: no timer of its comes any more.
    vi.clearAllTimers()
    await pass(10 * second)
    const waiting = line.feed.catchUp()
    await pass(0)
    expect(line.begun).toEqual([0, 10 * second])
    say(snapshot('f.7', entry('late')))
    await pass(0)
    expect(line.feed.report().state).toBe('stale')
    line.say(snapshot('e.1', entry('a')))
    await waiting
    expect(line.feed.report()).toMatchObject({ state: 'live', entries: 1 })
  })

  test('closed, it makes no contact', async () => {
    const line = dial({ contact: 'on-demand' })
    line.feed.close()
    expect(line.feed.catchUp()).toBeUndefined()
    expect(line.begun).toEqual([])
  })
})
