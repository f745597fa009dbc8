import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { StartedServer } from './started-server.ts'

/** A window of Chromium with a jar of its own, on a server whose clock goes together with the page's. */
export interface Window extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** Lets time pass for the server and for all pages at once. */
  readonly pass: (seconds: number) => Promise<void>
  /** What went wrong in the pages: errors, refused resources, requests to other origins. */
  readonly complaints: readonly string[]
}

/** How a window is to look. */
export interface WindowWishes {
  readonly width?: number
  readonly theme?: 'light' | 'dark'
  readonly reducedMotion?: boolean
  /** Lets a test's own tools into the page, past its content security policy. */
  readonly bypassCSP?: boolean
}

/** Starts the Chromium of this machine, cut off from everything but the pages it is told to open. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** Opens a window; its clock stands where the server's does. */
export async function openWindow(browser: Browser, server: StartedServer, wishes: WindowWishes = {}): Promise<Window> {
  const { width = 1280, theme = 'light', reducedMotion = true, bypassCSP = false } = wishes
  const context = await browser.newContext({
    viewport: { width, height: width < 600 ? 844 : 900 },
    colorScheme: theme,
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    bypassCSP,
  })
  await context.clock.install({ time: server.clock.now() })
  const complaints: string[] = []
  context.on('page', (opened) => {
    opened.on('pageerror', (error) => complaints.push(error.message))
    opened.on('console', (message) => {
      // A refusal that the page asked for is no fault of the page.
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(message.text())
    })
    opened.on('request', (request) => {
      const url = new URL(request.url())
      if (url.protocol !== 'data:' && url.origin !== server.origin) complaints.push(`a request to ${url.origin}`)
    })
  })
  const page = await context.newPage()
  return {
    page,
    context,
    complaints,
    pass: async (seconds) => {
      server.clock.advanceSeconds(seconds)
      await context.clock.fastForward(seconds * 1000)
    },
    async [Symbol.asyncDispose]() {
      await context.close()
    },
  }
}
