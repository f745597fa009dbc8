import type { Browser, Page } from 'playwright-core'
import { expect } from 'vitest'
import { openWindow, type Window, type WindowWishes } from './chromium.ts'
import { type StartedServer, startServer } from './started-server.ts'

/** The user of the playground, with a password of the tests' own. */
const demo = { username: 'demo', password: 'quiet-instrument-seventeen' } as const

/** The playground in a window, with the server that serves it. */
export interface PlaygroundWindow extends Window {
  readonly server: StartedServer
}

/** Starts a server in development mode with {@link demo}, and opens its playground in a window. */
export async function openPlayground(
  browser: Browser,
  wishes: WindowWishes & { readonly basePath?: string } = {},
): Promise<PlaygroundWindow> {
  const { basePath = '', ...look } = wishes
  const server = await startServer({ basePath })
  await server.addUser(demo.username, demo.password)
  const window = await openWindow(browser, server, look)
  await window.page.goto(`${server.issuer}/playground`)
  await expectText(window.page, '#standing', 'Nobody is signed in.')
  return {
    ...window,
    server,
    async [Symbol.asyncDispose]() {
      await window[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Signs this browser in by the form, which starts with the name filled in. */
export async function signInByForm(page: Page): Promise<void> {
  await page.locator('#password').fill(demo.password)
  await page.locator('#sign-in').click()
  await expectText(page, '#standing', 'Signed in as demo.')
}

/** Opens a scene of the phone and presses one of its buttons. */
export async function play(page: Page, scene: 'lost' | 'theft' | 'replay', button: string): Promise<void> {
  const details = page.locator(`#scene-${scene}`)
  if ((await details.getAttribute('open')) === null) await details.locator('summary').click()
  await page.locator(`#${button}`).click()
}

/** Waits until an element's text is, or matches, what is expected. */
export async function expectText(page: Page, selector: string, expected: string | RegExp): Promise<void> {
  await expect
    .poll(() => page.locator(selector).textContent(), { timeout: 20_000, interval: 25 })
    .toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected))
}

/** The list of what happened, oldest first: who, and the verdict. */
export async function ledgerOf(page: Page): Promise<readonly string[]> {
  const entries = await page.locator('#ledger > li').all()
  const lines = entries.map(async (entry) => {
    const who = await entry.locator('.who').textContent()
    return `${who}: ${await entry.locator('.entry-verdict').textContent()}`
  })
  return (await Promise.all(lines)).reverse()
}
