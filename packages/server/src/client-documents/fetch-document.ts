import { Resolver, lookup as systemLookup } from 'node:dns/promises'
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { parseJsonObject } from '@pawl/protocol'
import { maxAgeOf } from './max-age.ts'
import { isPublicAddress } from './public-address.ts'

/**
 * Where a document may lie. `public`: on the public Internet, for URLs that strangers name. `anywhere`: also inside, and on
 * a loopback address without TLS, for URLs that an administrator has registered.
 */
export type Reach = 'public' | 'anywhere'

/** What is asked for. */
export interface DocumentRequest {
  /** https; see {@link Reach} for the exception. */
  readonly url: string
  readonly reach: Reach
  /** A longer document is refused. */
  readonly largestBytes: number
}

/** A document, or why there is none. */
export type DocumentReading =
  | {
      readonly kind: 'read'
      /** A JSON object, and nothing is known of it beside that. */
      readonly document: Readonly<Record<string, unknown>>
      /** For how many seconds its sender lets it be kept; undefined: it does not say. */
      readonly maxAgeSeconds: number | undefined
    }
  /** What is there is none, or it lies where nothing is fetched from. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** It could not be had now; that says nothing about it. */
  | { readonly kind: 'unavailable'; readonly detail: string }

/** Fetches a JSON object that somebody else publishes. Never rejects. */
export type FetchDocument = (request: DocumentRequest) => Promise<DocumentReading>

/** The addresses of a name; rejects when there are none. */
export type Resolve = (hostname: string, reach: Reach) => Promise<readonly string[]>

/** Longest time that one document may take, names and all. */
const fetchMilliseconds = 5_000

/** Fetches under way at once, by reach: strangers do not stand in the way of what an administrator has registered. */
const mostAtOnce = 16

const forbidden = new Error('the name leads to an address that is not public')

/**
 * Fetches documents with the guards that a URL of a stranger's needs (standards CM-3, trap 15): only https, only public
 * addresses, checked after the name was resolved and with the connection made to just those; no redirect is followed, no
 * proxy asked, nothing sent but the request; 5 s at the longest, and no more bytes than were asked for.
 *
 * @param options.resolve default: the system's resolver
 * @param options.isPermitted which addresses count as public; an argument for tests
 */
export function createDocumentFetch(
  options: { readonly resolve?: Resolve; readonly isPermitted?: (address: string) => boolean } = {},
): FetchDocument {
  const { resolve = resolveName, isPermitted = isPublicAddress } = options
  const underWay: Record<Reach, number> = { public: 0, anywhere: 0 }

  const lookupFor =
    (reach: Reach): LookupFunction =>
    (hostname, { all }, done) => {
      const found = resolve(hostname, reach).then((addresses) => {
        // One that is not public refuses the name as a whole: which one is connected to must not be left to chance.
        if (reach === 'public' && !addresses.every(isPermitted)) throw forbidden
        return addresses.map((address) => ({ address, family: isIP(address) }))
      })
      found.then(
        (addresses) => {
          const [first] = addresses
          if (first === undefined) done(new Error('the name has no address'), '')
          else if (all === true) done(null, addresses)
          else done(null, first.address, first.family)
        },
        (error: Error) => done(error, ''),
      )
    }

  return async ({ url, reach, largestBytes }) => {
    const target = readTarget(url, reach, isPermitted)
    if (target === undefined) return { kind: 'refused', detail: 'address' }
    if (underWay[reach] >= mostAtOnce) return { kind: 'unavailable', detail: 'busy' }
    underWay[reach] += 1
    try {
      return await get(target, lookupFor(reach), largestBytes)
    } catch (error) {
      return error === forbidden
        ? { kind: 'refused', detail: 'address' }
        : { kind: 'unavailable', detail: 'unreachable' }
    } finally {
      underWay[reach] -= 1
    }
  }
}

/** The URL, if its scheme and its address, where it names one, are such as the reach allows. */
function readTarget(text: string, reach: Reach, isPermitted: (address: string) => boolean): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return undefined
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const loopback = host === 'localhost' || host === '127.0.0.1' || host === '::1'
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && reach === 'anywhere' && loopback)) return undefined
  // No name is resolved where the host is an address already. The URL parser knows every spelling of an IPv4 address.
  return reach === 'public' && isIP(host) !== 0 && !isPermitted(host) ? undefined : url
}

async function get(url: URL, lookup: LookupFunction, largestBytes: number): Promise<DocumentReading> {
  const signal = AbortSignal.timeout(fetchMilliseconds)
  const request = url.protocol === 'https:' ? requestSecure : requestPlain
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' }
  const outgoing = request(url, { agent: false, lookup, signal, headers, maxHeaderSize: 8_192 })
  // Whoever waits is told of an error by what it waits for; one that comes when nobody does must not end the process.
  outgoing.on('error', () => {})
  try {
    const answered = Promise.withResolvers<IncomingMessage>()
    outgoing.once('response', answered.resolve).once('error', answered.reject).end()
    return await read(await answered.promise, largestBytes)
  } finally {
    outgoing.destroy()
  }
}

async function read(response: IncomingMessage, largestBytes: number): Promise<DocumentReading> {
  const { statusCode = 0, headers } = response
  if (statusCode >= 500 || statusCode === 429) return { kind: 'unavailable', detail: `status ${statusCode}` }
  // Also a redirect, which could lead anywhere.
  if (statusCode !== 200) return { kind: 'refused', detail: `status ${statusCode}` }
  if (!/^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/i.test(headers['content-type'] ?? '')) {
    return { kind: 'refused', detail: 'content type' }
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response) {
    if (!(chunk instanceof Uint8Array)) continue
    bytes += chunk.length
    if (bytes > largestBytes) return { kind: 'refused', detail: 'too large' }
    chunks.push(chunk)
  }
  const document = parseJsonObject(decode(Buffer.concat(chunks)) ?? '')
  return document === undefined
    ? { kind: 'refused', detail: 'no JSON object' }
    : { kind: 'read', document, maxAgeSeconds: maxAgeOf(headers) }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * The name servers are asked directly for what strangers name: that can be given up on, holds no thread of the process,
 * and the machine's own table of names is left out of it.
 */
async function resolveName(hostname: string, reach: Reach): Promise<readonly string[]> {
  if (reach === 'anywhere') return (await systemLookup(hostname, { all: true })).map(({ address }) => address)
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  const addresses = found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (addresses.length === 0) throw new Error('the name has no address')
  return addresses
}
