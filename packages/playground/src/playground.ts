import { type ErrorCode, errorTable } from '@pawl/protocol'
import type { KeySetFetch } from '@pawl/verifier'
import { createExampleApi } from './example-api.ts'
import { type PageName, type PageSettings, writeDocument } from './page-document.ts'
import { type PageFile, readPageFile, servableFiles } from './page-files.ts'

/** What the playground is told about the server it stands in. */
export interface PlaygroundOptions {
  /** The issuer whose tokens are played with; its path is the base path. */
  readonly issuer: string
  /** Resource that the sessions' access tokens are for. Default: the issuer. */
  readonly audience?: string
  /** The built-in client that the page signs in as. Default `playground`. */
  readonly clientId?: string
  /** Name that the sign-in form starts with. Default `demo`. */
  readonly username?: string
  /** Lifetime of the client's access tokens in seconds, told in the page's texts. Default 30. */
  readonly accessSeconds?: number
  /** The race window in seconds, counted down by the page. Default 30. */
  readonly raceWindowSeconds?: number
  /** Fetches the issuer's keys for the example API, for instance without the network. Default `globalThis.fetch`. */
  readonly fetch?: KeySetFetch
  /** The example API's clock in milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number
}

/** A page that explains access and refresh tokens by letting one use, lose and steal them. For development only. */
export interface Playground {
  /** Answers requests at and below `<issuer path>/playground`; undefined: the request is for somebody else. */
  readonly fetch: (request: Request) => Promise<Response | undefined>
}

/**
 * Makes the playground: two pages, their modules and styles (a closed list of files, none from elsewhere), and the
 * example API that they call, protected by the verifier like any other.
 *
 * @throws TypeError for an issuer or audience that cannot be right
 */
export function createPlayground(options: PlaygroundOptions): Playground {
  const { issuer, audience = issuer, clientId = 'playground', username = 'demo' } = options
  const { accessSeconds = 30, raceWindowSeconds = 30 } = options
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const root = `${base}/playground`
  const settings: PageSettings = { issuer, base, clientId, username, accessSeconds, raceWindowSeconds }
  const api = createExampleApi({ issuer, audience, fetch: options.fetch, clock: options.clock })
  const pages: ReadonlyMap<string, PageName> = new Map([
    [root, 'playground'],
    [`${root}/second-tab`, 'second-tab'],
  ])

  return {
    fetch: async (request) => {
      const path = new URL(request.url).pathname
      if (path !== root && !path.startsWith(`${root}/`)) return undefined
      if (path.startsWith(`${root}/api/`)) return api(request, path.slice(`${root}/api`.length))
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return refusal('method_not_allowed', { Allow: 'GET, HEAD' })
      if (path === `${root}/`) return new Response(null, { status: 308, headers: { Location: root } })
      const answer = await answerFile(path)
      return request.method === 'HEAD' ? new Response(null, answer) : answer
    },
  }

  async function answerFile(path: string): Promise<Response> {
    const page = pages.get(path)
    if (page !== undefined) {
      const { html, policy } = await writeDocument(page, settings)
      return new Response(html, {
        headers: { ...surroundings, 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy },
      })
    }
    // Looked up, never joined: whatever the path says, only listed files are read.
    const file: PageFile | undefined = (await servableFiles()).get(path.slice(`${root}/`.length))
    if (file === undefined) return refusal('not_found')
    return new Response(await readPageFile(file), { headers: { ...surroundings, 'Content-Type': file.type } })
  }
}

const surroundings = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

function refusal(error: ErrorCode, headers: Readonly<Record<string, string>> = {}): Response {
  const { status, description } = errorTable[error]
  const body = { error, error_description: description, request_id: crypto.randomUUID() }
  return Response.json(body, { status, headers: { ...surroundings, ...headers } })
}
