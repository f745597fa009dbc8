import { type Bff, type BffOptions, createBff } from '@pawl/client/bff'
import { memorySessions } from '@pawl/client/bff/memory-sessions'
import { CookieJar } from 'tough-cookie'
import { ada, issuer, type StartedIssuer } from '../started-issuer.ts'

/** The application that has the BFF. */
export const shopOrigin = 'https://shop.example'

/** A request that the BFF sent, to the issuer or to the API. */
export interface Sent {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** Empty where the body streams. */
  readonly text: string
}

/** Replaced to answer in the place of issuer and API. */
export type Network = (request: Request, proceed: () => Promise<Response>) => Promise<Response>

/** An application's server with a BFF in it, between a browser and the real issuer. */
export interface StartedBff {
  readonly bff: Bff
  readonly server: StartedIssuer
  readonly jar: CookieJar
  readonly sent: Sent[]
  /** Everything that the browser ever got: status, headers and body of each answer, and its cookies. */
  readonly seen: string[]
  /** Tokens that the issuer gave out. */
  readonly tokens: Set<string>
  network: Network
  /** Asks as a page of the application does. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>
  readonly signIn: () => Promise<Response>
  /** The `Cookie` header for the application. */
  readonly cookie: () => string
  /** Another process of the application, with the same options and perhaps the same store. */
  readonly another: (options?: Partial<BffOptions>) => StartedBff
}

/** Starts one for the length of a test. */
export function startBff(server: StartedIssuer, options: Partial<BffOptions> = {}): StartedBff {
  return start(server, { sessions: memorySessions(), ...options }, new CookieJar())
}

function start(
  server: StartedIssuer,
  options: Partial<BffOptions> & Pick<BffOptions, 'sessions'>,
  jar: CookieJar,
): StartedBff {
  const started: StartedBff = {
    bff: createBff({
      issuer,
      origin: shopOrigin,
      routes: [{ path: '/api/', to: 'https://api.example/api/', methods: ['GET', 'POST'] }],
      now: () => Date.now(),
      fetch: async (input, init) => {
        const request = new Request(input, init)
        const streams = request.body !== null && init?.body instanceof ReadableStream
        const text = streams ? '' : await request.clone().text()
        started.sent.push({ method: request.method, url: request.url, headers: request.headers, text })
        const response = await started.network(request, () => server.answer(request))
        if (response.headers.get('Content-Type')?.includes('json')) noteTokens(await response.clone().text())
        return response
      },
      ...options,
    }),
    server,
    jar,
    sent: [],
    seen: [],
    tokens: new Set(),
    network: (_request, proceed) => proceed(),
    cookie: () => jar.getCookieStringSync(`${shopOrigin}/`),
    ask: async (path, init) => {
      const url = new URL(path, shopOrigin)
      const request = new Request(url, init)
      if (!request.headers.has('Sec-Fetch-Site')) request.headers.set('Sec-Fetch-Site', 'same-origin')
      const cookie = started.cookie()
      if (cookie !== '') request.headers.set('Cookie', cookie)
      const response = await started.bff.fetch(request)
      for (const line of response.headers.getSetCookie()) jar.setCookieSync(line, url.href)
      const copy = response.clone()
      started.seen.push(JSON.stringify([copy.status, [...copy.headers]]), started.cookie())
      if (!copy.headers.get('Content-Type')?.includes('stream')) started.seen.push(await copy.text())
      return response
    },
    signIn: () =>
      started.ask('/bff/auth/login', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(ada),
      }),
    another: (more = {}) => start(server, { ...options, ...more }, jar),
  }

  function noteTokens(text: string): void {
    for (const [, token] of text.matchAll(/"(?:access_token|refresh_token)":"([^"]+)"/g)) {
      if (token !== undefined) started.tokens.add(token)
    }
  }

  return started
}

/** What the BFF sent to an address of the issuer or the API. */
export function sentTo({ sent }: StartedBff, path: string): readonly Sent[] {
  return sent.filter(({ url }) => new URL(url).pathname === path)
}

/** Tokens that the browser came to see, whole or in part. */
export function leaks({ seen, tokens }: StartedBff): readonly string[] {
  const everything = seen.join('\n')
  return [...tokens].filter((token) => everything.includes(token) || everything.includes(token.slice(0, 40)))
}
