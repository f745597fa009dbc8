import { formatRevocationPosition, largestRevocationEvent, type RevocationPosition } from '@pawl/protocol'
import { createEventStreamReader, type StreamEvent } from './event-stream.ts'
import type { KeySetFetch } from './verifier-options.ts'

/**
 * What an event did: it brought the reader further, or not (then the silence goes on), or the contact is over and why.
 */
export type Hearing = 'further' | 'nothing' | { readonly over: string }

/** How one contact with a revocation feed is made. */
export interface FeedContact {
  readonly uri: string
  readonly fetch: KeySetFetch
  /** Gives an access token for the feed, asked for each contact. */
  readonly token: (() => string | Promise<string>) | undefined
  /** Where to resume; undefined asks for everything. */
  readonly position: RevocationPosition | undefined
  /** For how long nothing may bring the reader further, connecting included. */
  readonly silenceMilliseconds: number
  /** Ends the contact. */
  readonly signal: AbortSignal
  hear(event: StreamEvent): Hearing
}

/**
 * Connects to the feed and hands over its events until the contact ends: because {@link FeedContact.hear} says so, by
 * silence, by the other side, or because something is not as it has to be (no redirects, status 200, `text/event-stream`,
 * UTF-8, no event beyond the largest size). Never rejects.
 *
 * @returns in a few words why it ended; nothing of the feed and no token stands in them
 */
export async function contactFeed(contact: FeedContact): Promise<string> {
  const { hear, signal, silenceMilliseconds } = contact
  const stop = new AbortController()
  const { promise: over, resolve: end } = Promise.withResolvers<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const waitForMore = () => {
    clearTimeout(timer)
    timer = setTimeout(end, silenceMilliseconds, 'silence')
  }
  const close = () => end('closed')
  const take = (event: StreamEvent) => {
    // What the last piece still holds when the contact is over already belongs to nobody.
    if (stop.signal.aborted) return
    const hearing = hear(event)
    if (hearing === 'further') waitForMore()
    if (typeof hearing === 'string') return
    stop.abort()
    end(hearing.over)
  }
  if (signal.aborted) return 'closed'
  signal.addEventListener('abort', close)
  waitForMore()
  try {
    return await Promise.race([over, read(contact, stop.signal, take)])
  } catch {
    return 'unreachable'
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', close)
    stop.abort()
  }
}

async function read(contact: FeedContact, signal: AbortSignal, take: (event: StreamEvent) => void): Promise<string> {
  const { fetch, position, token, uri } = contact
  const bearer = token === undefined ? undefined : await askFor(token)
  if (bearer === null) return 'no token'
  const response = await fetch(uri, {
    // "manual", for not every runtime knows "error"; the 3xx itself is then refused.
    redirect: 'manual',
    signal,
    headers: {
      accept: 'text/event-stream',
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(position !== undefined && { 'last-event-id': formatRevocationPosition(position) }),
    },
  })
  const objection = objectionTo(response)
  const reader = response.body?.getReader()
  // A body that is not wanted any more is let go, also where it does not hang on the signal of the request.
  const letGo = () => void reader?.cancel().catch(() => undefined)
  // An abort that came before this line is not told to listeners that come after it.
  if (objection !== undefined || reader === undefined || signal.aborted) {
    letGo()
    return objection ?? 'no body'
  }
  signal.addEventListener('abort', letGo)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const readEvents = createEventStreamReader(largestRevocationEvent, take)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return 'ended by the other side'
    const text = textOf(decoder, value)
    if (text === undefined) return 'malformed'
    if (!readEvents(text)) return 'too large'
  }
}

/** Null when there is none to be had. */
async function askFor(token: () => string | Promise<string>): Promise<string | null> {
  try {
    return await token()
  } catch {
    return null
  }
}

function objectionTo(response: Response): string | undefined {
  if (response.redirected || response.type === 'opaqueredirect') return 'redirect'
  if (response.status !== 200) return `status ${response.status}`
  const type = response.headers.get('content-type') ?? ''
  return /^text\/event-stream *(?:;|$)/i.test(type) ? undefined : 'not an event stream'
}

function textOf(decoder: TextDecoder, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}
