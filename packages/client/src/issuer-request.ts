import { withSignal } from './deadline.ts'
import type { TransientFailure } from './transient-failure.ts'

/** What came back from an endpoint of the issuer, or why nothing did. */
export type IssuerAnswer =
  | {
      readonly kind: 'answered'
      readonly status: number
      /** The body as JSON; undefined when it is none. */
      readonly document: unknown
      readonly retryAfterSeconds: number | undefined
    }
  | { readonly kind: 'unanswered'; readonly failure: TransientFailure }

/** One request to an endpoint below `/auth`. */
export interface IssuerRequest {
  readonly path: `/auth/${string}`
  /** Sent by POST; without it the request is a GET. */
  readonly body?: Readonly<Record<string, string>>
  readonly bearer?: string | undefined
  /** Ends the request, also where `fetch` does not listen to it. */
  readonly signal: AbortSignal
}

/** Asks the issuer. Never rejects. */
export type AskIssuer = (request: IssuerRequest) => Promise<IssuerAnswer>

/** @param issuer URL without trailing slash */
export function createAskIssuer(issuer: string, fetch: typeof globalThis.fetch): AskIssuer {
  const send = async ({ path, body, bearer, signal }: IssuerRequest): Promise<IssuerAnswer> => {
    const headers = new Headers({ Accept: 'application/json' })
    if (body !== undefined) headers.set('Content-Type', 'application/json')
    if (bearer !== undefined) headers.set('Authorization', `Bearer ${bearer}`)
    const response = await fetch(issuer + path, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers,
      credentials: 'include',
      cache: 'no-store',
      // No endpoint of ours redirects: a redirection is a captive portal's, and must not get the body.
      redirect: 'manual',
      signal,
    })
    const text = await response.text()
    return {
      kind: 'answered',
      status: response.status,
      document: parseJson(text),
      retryAfterSeconds: readRetryAfter(response.headers),
    }
  }
  return async (request) => {
    const { signal } = request
    try {
      signal.throwIfAborted()
      return await withSignal(send(request), signal)
    } catch {
      const { aborted, reason } = signal
      const timedOut = reason instanceof DOMException && reason.name === 'TimeoutError'
      return { kind: 'unanswered', failure: { kind: !aborted ? 'network' : timedOut ? 'timeout' : 'cancelled' } }
    }
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
function readRetryAfter(headers: Headers): number | undefined {
  const text = headers.get('Retry-After')
  if (text === null) return undefined
  if (/^\d+$/.test(text)) return Number(text)
  const seconds = (Date.parse(text) - Date.parse(headers.get('Date') ?? '')) / 1000
  return seconds >= 0 ? seconds : undefined
}
