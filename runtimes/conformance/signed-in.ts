import type { CookieAccess } from '@pawl/client'
import type { Surroundings } from './suite.ts'

/** A session of the real server with its tokens in the body, as a program without cookies has it. */
export interface BodySession {
  readonly accessToken: string
  readonly sessionId: string
}

/** Signs in by hand. */
export async function signInByBody({ issuer, user }: Surroundings): Promise<BodySession> {
  const reply = await post(`${issuer}/auth/login`, JSON.stringify({ ...user, delivery: 'body' }))
  const body: unknown = await reply.json()
  if (!isBody(body)) throw new Error(`sign-in failed: ${reply.status}`)
  return { accessToken: body.access_token, sessionId: body.session_id }
}

/** Ends a session by its access token. */
export async function signOutByToken({ issuer }: Surroundings, { accessToken }: BodySession): Promise<number> {
  const reply = await post(`${issuer}/auth/logout`, '{}', { authorization: `Bearer ${accessToken}` })
  await reply.body?.cancel()
  return reply.status
}

function post(url: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
}

function isBody(value: unknown): value is { readonly access_token: string; readonly session_id: string } {
  return typeof value === 'object' && value !== null && 'access_token' in value && 'session_id' in value
}

/** What a client needs where nobody keeps cookies for it. */
export interface Jar {
  readonly fetch: typeof globalThis.fetch
  readonly cookies: CookieAccess
}

/** A cookie jar for one issuer, as small as it can be: names, values, paths, and when a cookie is taken away. */
export function openJar(issuer: string): Jar {
  const kept = new Map<string, { readonly value: string; readonly path: string }>()
  const keep = (line: string) => {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const end = pair.indexOf('=')
    const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/'
    if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) kept.delete(pair.slice(0, end))
    else kept.set(pair.slice(0, end), { value: pair.slice(end + 1), path })
  }
  const textFor = (pathname: string) => {
    const sent = [...kept].filter(([, { path }]) => pathname.startsWith(path))
    return sent.map(([name, { value }]) => `${name}=${value}`).join('; ')
  }
  return {
    cookies: { read: () => textFor('/'), write: keep },
    fetch: async (input, init) => {
      const request = new Request(input, init)
      // A browser would say where the page is from; the server wants to know that of a request with cookies.
      request.headers.set('origin', new URL(issuer).origin)
      request.headers.set('cookie', textFor(new URL(request.url).pathname))
      const reply = await fetch(request)
      for (const line of reply.headers.getSetCookie()) keep(line)
      return reply
    },
  }
}
