import { withSignal } from './deadline.ts'

/** What came back from an endpoint of the issuer, or why nothing did. */
export interface IssuerAnswer {
  /** HTTP status; 0 when nothing came back. */
  readonly status: number
  /** Why nothing came back. */
  readonly failure?: 'network' | 'timeout' | 'cancelled'
  /** The body as JSON; undefined when it is none. */
  readonly document?: unknown
  readonly retryAfterSeconds?: number | undefined
  /** The server's clock by its `Date` header, in milliseconds; undefined where the browser does not show it. */
  readonly serverTime?: number | undefined
}

/** One request to an endpoint of the issuer. */
export interface IssuerRequest {
  /** Below the issuer's URL. */
  readonly path: string
  /** Sent by POST, as JSON; members that are undefined are left out. Without a body the request is a GET. */
  readonly body?: Readonly<Record<string, string | undefined>>
  readonly bearer?: string | undefined
  /** Ends the request, also where `fetch` does not listen to it. */
  readonly signal: AbortSignal
}

/** Asks the issuer. Never rejects. */
export type AskIssuer = (request: IssuerRequest) => Promise<IssuerAnswer>

/**
 * @param issuer URL without trailing slash
 * @param credentials whether cookies go along
 */
export function createAskIssuer(
  issuer: string,
  fetch: typeof globalThis.fetch,
  credentials: 'include' | 'omit' = 'include',
): AskIssuer {
  return ({ path, body, bearer, signal }) => {
    const headers = new Headers()
    if (bearer !== undefined) headers.set('Authorization', `Bearer ${bearer}`)
    if (body === undefined) return askForDocument(fetch, issuer + path, { headers, credentials, signal })
    headers.set('Content-Type', 'application/json')
    return askForDocument(fetch, issuer + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers,
      credentials,
      signal,
    })
  }
}

/** A request as `fetch` takes it, with a signal that ends it even where `fetch` does not listen to it. */
export interface DocumentRequest extends RequestInit {
  readonly headers: Headers
  readonly signal: AbortSignal
}

/** Sends a request whose answer is a JSON document. Never rejects. */
export async function askForDocument(
  fetch: typeof globalThis.fetch,
  url: string,
  request: DocumentRequest,
): Promise<IssuerAnswer> {
  const { headers, signal } = request
  headers.set('Accept', 'application/json')
  const send = async (): Promise<IssuerAnswer> => {
    // No endpoint of ours redirects: a redirection is a captive portal's, and must not get the body.
    const response = await fetch(url, { ...request, cache: 'no-store', redirect: 'manual' })
    const document = parseJson(await response.text())
    const serverTime = Date.parse(response.headers.get('Date') ?? '') || undefined
    const retryAfterSeconds = readRetryAfter(response.headers.get('Retry-After'), serverTime)
    return { status: response.status, document, retryAfterSeconds, serverTime }
  }
  try {
    signal.throwIfAborted()
    return await withSignal(send(), signal)
  } catch {
    const { aborted, reason } = signal
    const timedOut = reason instanceof DOMException && reason.name === 'TimeoutError'
    return { status: 0, failure: !aborted ? 'network' : timedOut ? 'timeout' : 'cancelled' }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A date is measured against the `Date` of the same reply, never against the device's clock (RFC 9110 section 10.2.3). */
function readRetryAfter(text: string | null, serverTime: number | undefined): number | undefined {
  if (text === null) return undefined
  if (/^\d+$/.test(text)) return Number(text)
  const seconds = (Date.parse(text) - (serverTime ?? Number.NaN)) / 1000
  return seconds >= 0 ? seconds : undefined
}
