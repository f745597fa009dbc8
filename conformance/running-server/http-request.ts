import type { z } from 'zod'

/** One request as a test writes it. At most one of `json`, `form` and `body`. */
export interface RequestLine {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS'
  /** Sent as `application/json`. */
  readonly json?: unknown
  /** Sent as `application/x-www-form-urlencoded`; pairs, where a name is to come twice. */
  readonly form?: Readonly<Record<string, string>> | readonly (readonly [string, string])[]
  /** Sent as it is, without a content type. */
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
  /** Put into `Authorization: Bearer`. */
  readonly bearer?: string
}

/** One answer, read to its end. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** `Set-Cookie` lines. */
  readonly setCookies: readonly string[]
  readonly text: string
  /** The body parsed by a schema; throws where it does not fit. */
  readonly read: <Value>(schema: z.ZodType<Value>) => Value
}

/** Sends a request to a whole URL. Redirects are not followed. */
export async function sendTo(url: string, request: RequestLine = {}): Promise<Reply> {
  const { method, json, form, body, headers = {}, bearer } = request
  const content = contentOf(json, form, body)
  const response = await fetch(url, {
    method: method ?? (content === undefined ? 'GET' : 'POST'),
    headers: {
      ...(content?.type !== undefined && { 'content-type': content.type }),
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(content !== undefined && { body: content.body }),
    redirect: 'manual',
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    setCookies: response.headers.getSetCookie(),
    text,
    read: (schema) => schema.parse(JSON.parse(text)),
  }
}

function contentOf(
  json: RequestLine['json'],
  form: RequestLine['form'],
  body: RequestLine['body'],
): { readonly type?: string; readonly body: string | Uint8Array<ArrayBuffer> } | undefined {
  if (json !== undefined) return { type: 'application/json', body: JSON.stringify(json) }
  if (body !== undefined) return typeof body === 'string' ? { body: new TextEncoder().encode(body) } : { body }
  if (form === undefined) return undefined
  const pairs = isPairs(form) ? form.map(([name, value]) => [name, value]) : Object.entries(form)
  return { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(pairs).toString() }
}

function isPairs(form: NonNullable<RequestLine['form']>): form is readonly (readonly [string, string])[] {
  return Array.isArray(form)
}
