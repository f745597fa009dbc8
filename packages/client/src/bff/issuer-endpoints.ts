import { askForDocument, type IssuerAnswer } from '../issuer-request.ts'

/** One POST to an endpoint of the issuer, or a GET where it has no body. */
export interface EndpointRequest {
  readonly path: string
  /** Sent as JSON. */
  readonly json?: Readonly<Record<string, string>>
  /** Sent as a form, as OAuth endpoints want it. */
  readonly form?: Readonly<Record<string, string>>
  /** The whole value of `Authorization`. */
  readonly authorization?: string | undefined
  /** Of the browser that is asked for, so that the user finds his session by it. */
  readonly userAgent?: string | null
  /** Milliseconds to wait. Default 10,000: a refresh is decided within 10 s of arriving or not at all. */
  readonly longest?: number
}

/** Asks the issuer from a server: without cookies, within the deadline. Never rejects. */
export type AskEndpoint = (request: EndpointRequest) => Promise<IssuerAnswer>

/** What asking works with. */
export interface EndpointParts {
  /** Without trailing slash. */
  readonly issuer: string
  readonly fetch: typeof globalThis.fetch
  readonly timeout: (milliseconds: number) => AbortSignal
}

export function createAskEndpoint({ issuer, fetch, timeout }: EndpointParts): AskEndpoint {
  return ({ path, json, form, authorization, userAgent, longest = 10_000 }) => {
    const headers = new Headers()
    if (json !== undefined) headers.set('Content-Type', 'application/json')
    if (form !== undefined) headers.set('Content-Type', 'application/x-www-form-urlencoded')
    if (authorization !== undefined) headers.set('Authorization', authorization)
    if (userAgent) headers.set('User-Agent', userAgent)
    const body = json === undefined ? form && new URLSearchParams(form).toString() : JSON.stringify(json)
    return askForDocument(fetch, issuer + path, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body !== undefined && { body }),
      headers,
      signal: timeout(longest),
    })
  }
}

/** `Authorization: Basic` as RFC 6749 section 2.3.1 has it: id and secret form-urlencoded before base64. */
export function basicAuthorization(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  return `Basic ${btoa(`${encode(id)}:${encode(secret)}`)}`
}
