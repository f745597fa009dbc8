import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  formatRevocationEvent,
  parseRevocationPosition,
  type RevocationEntry,
  type RevocationKind,
  type RevocationMessage,
} from '@pawl/protocol'
import { onTestFinished, vi } from 'vitest'
import { type RevocationFeedOptions, revocationFeed } from '../src/revocation-feed.ts'
import type { RevocationFeed, RevocationSurroundings } from '../src/revocation-source.ts'

/** Where the clocks of all begin. */
export const start: number = Date.UTC(2026, 10, 21, 12)

/** An entry that covers what was issued until now, for a quarter of an hour. */
export function entry(id: string, kind: RevocationKind = 'session', at: number = start): RevocationEntry {
  return { kind, id, at, until: at + 900_000 }
}

/** The issuer's side of the feed, over real HTTP: it says only what a test has it say. */
export interface FeedServer {
  readonly origin: string
  readonly uri: string
  /** The headers of each contact so far. */
  readonly contacts: readonly IncomingHttpHeaders[]
  /** How a contact is answered; the default is a stream that begins with {@link FeedServer.greeting}. */
  answer: (request: IncomingMessage, response: ServerResponse) => void
  /** What a contact is sent first. */
  greeting: (headers: IncomingHttpHeaders) => string
  /** Sends text to all that are connected. */
  send(text: string | Uint8Array): void
  /** Cuts all connections. */
  cut(): void
}

/** Writes an event of the feed at a position like `e.1`. */
export function event(position: string, message: RevocationMessage): string {
  const parsed = parseRevocationPosition(position)
  if (parsed === undefined) throw new Error(`${position} is no position`)
  return formatRevocationEvent(parsed, message)
}

/** A snapshot and the heartbeat that follows it. */
export function snapshot(position: string, ...entries: readonly RevocationEntry[]): string {
  return event(position, { event: 'snapshot', entries, more: false }) + heartbeat(position)
}

/** One step of the sequence. */
export function step(position: string, ...entries: readonly RevocationEntry[]): string {
  return event(position, { event: 'entries', entries })
}

/** A heartbeat, by default of the first instant. */
export function heartbeat(position: string, now: number = start): string {
  return event(position, { event: 'heartbeat', now })
}

/** Starts a feed that ends with the test. Its first contact is sent an empty snapshot at `e.1`. */
export async function startFeed(): Promise<FeedServer> {
  const contacts: IncomingHttpHeaders[] = []
  const open = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    contacts.push(request.headers)
    feed.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const origin = `http://127.0.0.1:${address.port}`
  const feed: FeedServer = {
    origin,
    uri: `${origin}/revocations`,
    contacts,
    greeting: () => snapshot('e.1'),
    answer: (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(feed.greeting(request.headers))
      open.add(response)
      response.once('close', () => open.delete(response))
    },
    send(text) {
      for (const response of open) response.write(text)
    },
    cut() {
      for (const response of open) response.destroy()
    },
  }
  return feed
}

/** A reader of a feed with a clock that the test moves. It is closed with the test. */
export interface FeedReader {
  readonly feed: RevocationFeed
  /** Milliseconds since 1970, by the reader's clock. */
  now: number
  /** Milliseconds that only grow, unless the test has the machine sleep. */
  elapsed: number
  /** What the pauses between contacts are multiplied with. */
  random: number
  /** Moves both. */
  pass(milliseconds: number): void
}

/** Reads a feed; pauses between contacts are as short as they may be unless the test says otherwise. */
export function readFeed(
  uri: string,
  options: RevocationFeedOptions = {},
  more: Partial<RevocationSurroundings> = {},
): FeedReader {
  const source = revocationFeed({ uri, ...options })
  const reader = {
    now: start,
    elapsed: 0,
    random: 0,
    pass(milliseconds: number) {
      reader.now += milliseconds
      reader.elapsed += milliseconds
    },
  }
  const feed = source({
    issuer: 'https://id.example',
    assertUrl: () => undefined,
    fetch: (url, init) => fetch(url, init),
    clock: () => reader.now,
    elapsed: () => reader.elapsed,
    random: () => reader.random,
    clockSkewSeconds: 30,
    ...more,
  })
  onTestFinished(() => feed.close())
  return Object.assign(reader, { feed })
}

/** Waits until something holds that takes a real network to come true. */
export async function until(holds: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!holds()) throw new Error(`not yet: ${holds}`)
    },
    { timeout: 10_000, interval: 5 },
  )
}
