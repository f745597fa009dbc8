import type { RequestHead } from '../bearer-credential.ts'

/** What the adapters read of a Node request (`http.IncomingMessage`). */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Every value of each header; `headers` silently keeps only the first `Authorization`. */
  readonly headersDistinct?: Readonly<Record<string, readonly string[] | undefined>>
}

/** Reads a Node request as the verifier wants it: several values of a header joined by a comma. */
export function readNodeRequest(request: NodeRequest): RequestHead {
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers: {
      get(name) {
        const value = request.headers[name]
        if (value === undefined) return null
        const values = name === 'cookie' ? undefined : request.headersDistinct?.[name]
        return values === undefined ? String(value) : values.join(', ')
      },
    },
  }
}
