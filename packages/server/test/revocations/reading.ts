import { parseRevocationMessage, type RevocationEntry, type RevocationMessage } from '@pawl/protocol'

/** An event of the feed as it arrived. */
export type FeedEvent = RevocationMessage & { readonly id: string }

/** A body of the feed that is read as fast as it comes. */
export interface FeedReading {
  /** What has come so far. */
  readonly events: readonly FeedEvent[]
  /** Waits until so much has come that a condition holds. */
  readonly until: (condition: (events: readonly FeedEvent[]) => boolean) => Promise<readonly FeedEvent[]>
  /** Resolves when the other side has ended it. */
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
}

/** Reads a body of server-sent events with words of the feed. */
export function readFeed(body: ReadableStream<Uint8Array>): FeedReading {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const events: FeedEvent[] = []
  let text = ''
  let came = Promise.withResolvers<void>()

  async function read(): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      text += decoder.decode(value, { stream: true })
      const frames = text.split('\n\n')
      text = frames.pop() ?? ''
      events.push(...frames.map(parseFrame))
      came.resolve()
      came = Promise.withResolvers()
    }
    came.resolve()
  }

  return {
    events,
    async until(condition) {
      while (!condition(events)) await came.promise
      return events
    },
    ended: read(),
    stop: () => reader.cancel(),
  }
}

function parseFrame(frame: string): FeedEvent {
  const [, id = '', event = '', data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(frame) ?? []
  const message = parseRevocationMessage(event, data)
  if (message === undefined || message === 'other') throw new Error(`no event of the feed: ${frame}`)
  return { ...message, id }
}

/** The ids of all entries, in the order in which they came. */
export function idsOf(events: readonly FeedEvent[]): readonly string[] {
  return events
    .flatMap((event): readonly RevocationEntry[] => ('entries' in event ? event.entries : []))
    .map(({ id }) => id)
}
