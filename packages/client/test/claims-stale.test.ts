import { describe, expect, test } from 'vitest'
import { countSent, sound } from './browser.ts'
import { signedIn } from './signed-in.ts'
import { ada, apiOrigin, issuer, type StartedIssuer } from './started-issuer.ts'

const modes = [
  ['the access token in a cookie', {}],
  ['the access token in memory', { access: 'memory', allowedOrigins: [issuer, apiOrigin] }],
] as const

/** Changes the roles of {@link ada}, and waits until the API knows: by then it holds so many entries. */
async function applyNow(
  { administration, heard, passTime }: StartedIssuer,
  roles: readonly string[],
  entries: number,
): Promise<void> {
  passTime(0.001)
  await administration.setRoles(ada.username, roles, { applyNow: true })
  // What comes after it in the feed: when that has been heard, so has it.
  const id = `marker-${roles.join('-')}`
  await administration.addClient({ id, type: 'public' })
  await administration.removeClient(id)
  await heard(entries)
  passTime(0.001)
}

describe.each(modes)('roles that count at once, with %s', (_, options) => {
  test('T22.1: the client refreshes silently, the retried call sees the new roles, nobody is signed out', async () => {
    const { server, browser, tab } = await signedIn(options)
    const before = await tab.client.fetch('/api/notes')
    expect(await before.json()).toMatchObject({ roles: ['reader'] })
    browser.sent.length = 0
    await applyNow(server, ['reader', 'editor'], 2)
    const seen: string[] = []
    tab.client.onChange((session) => seen.push(session.status))
    const after = await tab.client.fetch('/api/notes', { method: 'POST', body: 'hello' })
    expect([after.status, await after.json()]).toEqual([
      200,
      expect.objectContaining({ roles: ['reader', 'editor'], body: 'hello' }),
    ])
    expect(browser.sent).toEqual(['POST /api/notes', 'POST /auth/refresh', 'POST /api/notes'])
    expect(seen).not.toContain('signed-out')
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    expect(countSent(browser, 'POST /auth/refresh')).toBe(1)
  })

  test('T22.1: of 20 parallel calls one refreshes, and all see the new roles', async () => {
    const { server, browser, tab } = await signedIn(options)
    await tab.client.fetch('/api/notes')
    await applyNow(server, ['editor'], 2)
    const calls = await Promise.all(Array.from({ length: 20 }, () => tab.client.fetch('/api/notes')))
    for (const call of calls) expect(await call.json()).toMatchObject({ roles: ['editor'] })
    expect(countSent(browser, 'POST /auth/refresh')).toBe(1)
  })

  test('T22.1: a second change that falls into the renewal for the first is followed, too', async () => {
    const { server, browser, tab } = await signedIn(options)
    await tab.client.fetch('/api/notes')
    await applyNow(server, ['editor'], 2)
    browser.network = async (request, proceed) => {
      const reply = await proceed()
      if (!request.url.endsWith('/auth/refresh')) return reply
      browser.network = sound
      await applyNow(server, ['owner'], 3)
      return reply
    }
    const call = await tab.client.fetch('/api/notes')
    expect([call.status, await call.json()]).toEqual([200, expect.objectContaining({ roles: ['owner'] })])
    expect(countSent(browser, 'POST /auth/refresh')).toBe(2)
  })

  test('T22.1, T8.3: an API that finds every token out of date gets no refresh per request', async () => {
    const { browser, tab } = await signedIn(options)
    const challenge = 'Bearer error="invalid_token", reason="claims_stale"'
    browser.network = async (request, proceed) =>
      request.url.endsWith('/api/notes')
        ? new Response(null, { status: 401, headers: { 'WWW-Authenticate': challenge } })
        : proceed()
    for (let call = 0; call < 5; call += 1) expect((await tab.client.fetch('/api/notes')).status).toBe(401)
    expect(countSent(browser, 'POST /auth/refresh')).toBe(2)
  })
})
