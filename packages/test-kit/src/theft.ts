import { cookieNames } from '@pawl/protocol'
import { type Refused, readRefusal, readTokens } from './replies.ts'
import type { SignIns, TestSession } from './sign-ins.ts'
import type { TestBrowser } from './test-browser.ts'
import type { TestClock } from './test-clock.ts'

/** What a theft needs. */
export interface TheftParts {
  readonly issuer: string
  readonly clock: Pick<TestClock, 'advance'>
  readonly signIns: Pick<SignIns, 'refresh' | 'windowSeconds'>
  readonly answer: (request: Request) => Promise<Response>
}

/**
 * Copies a refresh token, lets its owner refresh, and presents the copy once the race window has passed: the clock moves
 * for that.
 *
 * @returns what the thief was answered
 * @throws Error when there is no token to copy, or the owner cannot refresh
 */
export async function commitTheft(from: TestSession | TestBrowser, parts: TheftParts): Promise<Refused> {
  const inBrowser = 'openTab' in from
  const presentCopy = inBrowser ? await copyFromBrowser(from, parts) : await copyFromSession(from, parts)
  const windowSeconds = parts.signIns.windowSeconds(inBrowser ? undefined : from.clientId)
  await parts.clock.advance({ seconds: windowSeconds + 1 })
  return await readRefusal(await presentCopy())
}

async function copyFromSession(session: TestSession, { signIns }: TheftParts): Promise<() => Promise<Response>> {
  await readTokens(await signIns.refresh(session), "the owner's refresh")
  return () => signIns.refresh(session)
}

async function copyFromBrowser(browser: TestBrowser, parts: TheftParts): Promise<() => Promise<Response>> {
  const { issuer, answer } = parts
  const name = cookieNames(issuer.startsWith('https:')).refresh
  const copy = browser.cookies().find((cookie) => cookie.name === name)?.value
  if (copy === undefined) throw new Error('nobody is signed in in that browser')
  const headers = { 'Content-Type': 'application/json' }
  const send = (fetch: (request: Request) => Promise<Response>, body: object) =>
    fetch(new Request(`${issuer}/auth/refresh`, { method: 'POST', headers, body: JSON.stringify(body) }))
  const owners = await send(browser.fetch, {})
  if (!owners.ok) throw new Error(`the owner's refresh was answered ${owners.status}: ${await owners.text()}`)
  return () => send(answer, { refresh_token: copy })
}
