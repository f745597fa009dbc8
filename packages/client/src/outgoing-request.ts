/** A request of the application, ready to be sent once or twice. */
export interface OutgoingRequest {
  /** Undefined for what is no URL; `fetch` will say so. */
  readonly url: URL | undefined
  /** The application brings a credential of its own. */
  readonly hasAuthorization: boolean
  /** The body is a stream that is gone once it was sent. */
  readonly onlyOnce: boolean
  readonly signal: AbortSignal | undefined
  /** Sends it just as it was given. */
  readonly pass: () => Promise<Response>
  /** @param bearer access token to put into the Authorization header */
  readonly send: (bearer: string | undefined) => Promise<Response>
}

/** How requests leave. */
export interface Departure {
  readonly fetch: typeof globalThis.fetch
  /** What relative URLs are relative to, right now. */
  readonly baseUrl: () => string
  /** Put on requests that do not say themselves whether cookies go along. */
  readonly credentials: RequestInit['credentials']
}

/** Reads the arguments of a call to `fetch`. */
export function readOutgoing(input: FetchInput, init: RequestInit | undefined, departure: Departure): OutgoingRequest {
  return input instanceof Request ? fromRequest(input, init, departure) : fromUrl(input, init, departure)
}

/** The first argument of `fetch`. */
export type FetchInput = Parameters<typeof globalThis.fetch>[0]

function fromRequest(input: Request, init: RequestInit | undefined, { fetch }: Departure): OutgoingRequest {
  const url = new URL(input.url)
  const signal = init?.signal ?? input.signal
  const headers = new Headers(init?.headers ?? input.headers)
  const onlyOnce = isStream(init?.body)
  let request: Request | undefined
  return {
    url,
    hasAuthorization: headers.has('Authorization'),
    onlyOnce,
    signal,
    pass: () => fetch(input, init),
    send: (bearer) => {
      request ??= new Request(input, init)
      // A clone is sent, so that a second can be made: its body is kept meanwhile.
      const copy = onlyOnce ? request : request.clone()
      if (bearer !== undefined) copy.headers.set('Authorization', `Bearer ${bearer}`)
      return fetch(copy)
    },
  }
}

function fromUrl(input: string | URL, init: RequestInit | undefined, departure: Departure): OutgoingRequest {
  const { fetch, baseUrl, credentials } = departure
  const base = baseUrl()
  const url = URL.canParse(input, base) ? new URL(input, base) : undefined
  const headers = new Headers(init?.headers)
  return {
    url,
    hasAuthorization: headers.has('Authorization'),
    onlyOnce: isStream(init?.body),
    signal: init?.signal ?? undefined,
    pass: () => fetch(input, init),
    send: (bearer) => {
      if (bearer !== undefined) headers.set('Authorization', `Bearer ${bearer}`)
      // The address that was judged is the one that is used, whatever a <base> element changes meanwhile.
      return fetch(url ?? input, { ...(credentials !== undefined && { credentials }), ...init, headers })
    },
  }
}

/** Everything else that `fetch` takes as a body can be read again. */
function isStream(body: unknown): boolean {
  return body instanceof ReadableStream || (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
}
