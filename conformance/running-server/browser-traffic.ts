import type { BrowserContext, Page, Request } from 'playwright-core'

/** All that a browser got, sent and keeps, as text. */
export interface BrowserTraffic {
  /** Addresses that were asked, in order, as `METHOD /path`. */
  readonly asked: readonly string[]
  /** Everything there is to see: requests, answers, cookies, storage, what the pages show. */
  readonly everything: () => Promise<string>
}

/** Records the traffic of a browser window from now on. */
export function recordTraffic(context: BrowserContext): BrowserTraffic {
  const asked: string[] = []
  const seen: Promise<string>[] = []
  context.on('request', (request) => {
    asked.push(`${request.method()} ${new URL(request.url()).pathname}`)
    seen.push(describeRequest(request).catch(unlessClosed))
  })
  context.on('response', (response) => {
    const described = Promise.all([response.allHeaders(), response.body().catch(unlessClosed)])
    seen.push(described.then(([headers, body]) => `${JSON.stringify(headers)}\n${body.toString()}`).catch(unlessClosed))
  })
  return {
    asked,
    everything: async () => {
      const kept = JSON.stringify(await context.storageState({ indexedDB: true }))
      const pages = await Promise.all(context.pages().map(contentOf))
      return [...(await Promise.all(seen)), kept, ...pages].join('\n')
    },
  }
}

/** What was under way when its page went has nothing to be read any more; a redirection has no body. */
function unlessClosed(): string {
  return ''
}

async function describeRequest(request: Request): Promise<string> {
  return [request.url(), JSON.stringify(await request.allHeaders()), request.postData() ?? ''].join('\n')
}

async function contentOf(page: Page): Promise<string> {
  return `${await page.content()}\n${await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')}`
}

/** Access and refresh tokens in a text, recognised by their forms. */
export function tokensIn(text: string): readonly string[] {
  return text.match(/pawl_rt_[\w-]+|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+/g) ?? []
}
