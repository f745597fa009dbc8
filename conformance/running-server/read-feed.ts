import { parseRevocationMessage, type RevocationEntry, type RevocationMessage } from '@pawl/protocol'

/** An event of the revocation feed as it arrived. */
export type FeedEvent = RevocationMessage & { readonly id: string }

/** The revocation feed, read as fast as it comes. */
export interface FeedReading extends AsyncDisposable {
  readonly headers: Headers
  /** What has come so far. */
  readonly events: readonly FeedEvent[]
  /** Waits until so much has come that a condition holds; rejects when the feed ends before. */
  readonly until: (condition: (events: readonly FeedEvent[]) => boolean) => Promise<readonly FeedEvent[]>
  /** Resolves when the other side has ended it, or the connection is broken. */
  readonly ended: Promise<void>
}

/**
 * Connects to a feed and reads it.
 *
 * @param url of the feed
 * @throws Error when it is not answered with a feed
 */
export async function readFeed(url: string, headers: Readonly<Record<string, string>> = {}): Promise<FeedReading> {
  const breaking = new AbortController()
  const response = await fetch(url, { headers, signal: breaking.signal })
  if (response.status !== 200 || response.body === null) throw new Error(`no feed: ${await response.text()}`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const events: FeedEvent[] = []
  let over = false
  let came = Promise.withResolvers<void>()

  async function read(): Promise<void> {
    for (let text = ''; ; ) {
      const { done, value } = await reader.read()
      if (done) return
      const frames = (text + value).split('\n\n')
      text = frames.pop() ?? ''
      events.push(...frames.map(parseFrame))
      came.resolve()
      came = Promise.withResolvers()
    }
  }

  const ended = read()
    .catch(() => undefined)
    .then(() => {
      over = true
      came.resolve()
    })

  return {
    headers: response.headers,
    events,
    ended,
    async until(condition) {
      while (!condition(events)) {
        if (over) throw new Error('the feed ended')
        await came.promise
      }
      return events
    },
    async [Symbol.asyncDispose]() {
      breaking.abort()
      await ended
    },
  }
}

function parseFrame(frame: string): FeedEvent {
  const [, id = '', event = '', data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(frame) ?? []
  const message = parseRevocationMessage(event, data)
  if (message === undefined || message === 'other') throw new Error(`no event of the feed: ${frame}`)
  return { ...message, id }
}

/** All entries, in the order in which they came. */
export function entriesOf(events: readonly FeedEvent[]): readonly RevocationEntry[] {
  return events.flatMap((event) => ('entries' in event ? event.entries : []))
}

/** All entries by kind and id. */
export function named(events: readonly FeedEvent[]): readonly string[] {
  return entriesOf(events).map(({ kind, id }) => `${kind} ${id}`)
}

/** Whether all there is has come, and word that it is all. */
export function isQuiet(events: readonly FeedEvent[]): boolean {
  return events.at(-1)?.event === 'heartbeat'
}
