import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Browser, openBrowser } from './browser.ts'
import type { Reply, RequestLine } from './http-request.ts'
import { addClient } from './registered-clients.ts'
import { alice, type StartedServer } from './started-server.ts'

/** Where the clients of these tests are answered. */
export const callback = 'https://app.example/callback'

/** A verifier and its challenge (RFC 7636 appendix B). */
export const pkce = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const

/** The S256 challenge of a verifier. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

/** The public client of these tests. */
export async function addApp(
  server: StartedServer,
  more: Partial<Parameters<typeof addClient>[1]> = {},
): Promise<string> {
  const registration = {
    id: 'app',
    type: 'public',
    redirectUris: [callback],
    grants: ['authorization_code', 'refresh_token'],
    scopes: ['openid', 'profile', 'read', 'write'],
    resources: ['https://api.example', 'https://files.example'],
    ...more,
  }
  return addClient(server, registration)
}

/** Parameters of a request that asks for what there is; `undefined` leaves one out. */
export function authorizationQuery(more: Readonly<Record<string, string | undefined>> = {}): string {
  const parameters = {
    response_type: 'code',
    client_id: 'app',
    redirect_uri: callback,
    state: 'a state',
    scope: 'openid read',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...more,
  }
  const given = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  return `/oauth/authorize?${new URLSearchParams(given)}`
}

/** A page that a browser looks at, with what it needs to send its forms. */
export interface OpenPage {
  readonly reply: Reply
  readonly path: string
}

/** Somebody at a browser who reads the pages as they are: plain forms. */
export interface Person {
  readonly browser: Browser
  /** Opens a path below the issuer and follows redirects that stay there. */
  readonly open: (path: string) => Promise<OpenPage>
  /** Sends the first form of a page that holds a field, as pressing its first button does. */
  readonly send: (page: OpenPage, fields: Readonly<Record<string, string>>, request?: RequestLine) => Promise<OpenPage>
  /** Signs in where that is asked for, and allows what is asked for, until the client is answered. */
  readonly authorize: (path: string, more?: { readonly deny?: true }) => Promise<URLSearchParams>
}

/** Sits down at a browser. */
export function sitDown(server: Pick<StartedServer, 'send' | 'issuer'>): Person {
  const browser = openBrowser(server)

  async function follow(path: string, reply: Reply): Promise<OpenPage> {
    const location = reply.headers.get('location')
    if (location?.startsWith(`${server.issuer}/`) !== true) return { reply, path }
    const next = location.slice(server.issuer.length)
    return follow(next, await browser.send(next, { method: 'GET', headers: { 'sec-fetch-site': 'same-origin' } }))
  }

  const open: Person['open'] = async (path) =>
    follow(path, await browser.send(path, { method: 'GET', headers: { 'sec-fetch-site': 'cross-site' } }))

  const send: Person['send'] = async ({ reply, path }, fields, request = {}) => {
    const form = formOf(reply.text)
    return follow(path, await browser.send(path, { form: { ...form.hidden, ...fields }, ...request }))
  }

  return {
    browser,
    open,
    send,
    async authorize(path, { deny } = {}) {
      let page = await open(path)
      if (page.reply.text.includes('name="password"')) page = await send(page, alice)
      if (page.reply.text.includes('name="deny"')) page = await send(page, deny ? { deny: 'yes' } : { allow: 'yes' })
      return answerOf(page.reply)
    },
  }
}

/** Hidden fields and buttons of the first form of a page. */
export function formOf(page: string): { readonly hidden: Record<string, string>; readonly buttons: readonly string[] } {
  const form = /<form[^>]*>([\s\S]*?)<\/form>/.exec(page)?.[1] ?? ''
  const hidden = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  const buttons = [...form.matchAll(/<button([^>]*)>/g)].map(([, attributes = '']) => attributes.trim())
  return { hidden: Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value])), buttons }
}

/** What a client was answered, in the query of the redirect. */
export function answerOf(reply: Reply, redirectUri: string = callback): URLSearchParams {
  const location = reply.headers.get('location') ?? ''
  if (reply.status !== 303 || !location.startsWith(redirectUri)) {
    throw new Error(`no answer to the client: ${reply.status} ${location} ${reply.text.slice(0, 300)}`)
  }
  return new URL(location).searchParams
}

/** Redeems a code; what is `undefined` is left out. */
export function redeem(
  server: Pick<StartedServer, 'send'>,
  code: string,
  more: Readonly<Record<string, string | undefined>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const parameters = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    client_id: 'app',
    code_verifier: pkce.verifier,
    ...more,
  }
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return server.send('/oauth/token', { form: Object.fromEntries(given), headers })
}

const claims = z.record(z.string(), z.unknown())

/** Claims of a JWT, unchecked. */
export function claimsOf(token: string): Record<string, unknown> {
  return claims.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
}

/** Signs in, allows, and gives the code. */
export async function codeFor(
  person: Person,
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const code = (await person.authorize(authorizationQuery(more))).get('code')
  if (code === null) throw new Error('no code')
  return code
}
