import type { ClientOptions } from '@pawl/client'
import { type Browser, openBrowser, type Tab } from './browser.ts'
import { ada, type StartedIssuer, startIssuer } from './started-issuer.ts'

/** A browser with one tab in which {@link ada} has just signed in; what was sent so far is forgotten. */
export async function signedIn(
  options: ClientOptions = {},
): Promise<{ server: StartedIssuer; browser: Browser; tab: Tab }> {
  const server = await startIssuer()
  const browser = openBrowser(server)
  const tab = browser.openTab(options)
  await tab.client.signIn(ada)
  browser.sent.length = 0
  return { server, browser, tab }
}
