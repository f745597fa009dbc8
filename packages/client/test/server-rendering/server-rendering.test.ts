import { sealedSessions } from '@pawl/client/bff/sealed-sessions'
import { createServerRendering } from '@pawl/client/server-rendering'
import { describe, expect, test } from 'vitest'
import { shop, startAuthorizingIssuer } from '../bff/authorizing-issuer.ts'
import { type StartedBff, sentTo, shopOrigin, startBff } from '../bff/started-bff.ts'
import { ada } from '../started-issuer.ts'

const secret = Buffer.from('32 bytes that seal test cookies!').toString('base64url')
const exchange = 'token-exchange'

/** An application that renders pages, with its sessions in cookies, and a browser in which Ada is signed in. */
async function signedIn(): Promise<StartedBff & { rendering: ReturnType<typeof createServerRendering> }> {
  const app = startBff(await startAuthorizingIssuer(), {
    client: shop,
    sessions: sealedSessions([secret]),
    sameSite: 'Lax',
  })
  const begun = await app.ask('/bff/sign-in')
  const back = await app.server.answer(new Request(begun.headers.get('Location') ?? ''))
  await app.ask(back.headers.get('Location') ?? '')
  app.sent.length = 0
  return { ...app, rendering: createServerRendering(app.bff) }
}

function headersOf(app: StartedBff, more: Readonly<Record<string, string>> = {}): Headers {
  return new Headers({ ...more, Cookie: app.cookie() })
}

function rotations(app: StartedBff): number {
  return sentTo(app, '/oauth/token').filter(({ text }) => text.includes('grant_type=refresh_token')).length
}

function peeks(app: StartedBff): number {
  return sentTo(app, '/oauth/token').filter(({ text }) => text.includes(exchange)).length
}

const document = { 'Sec-Fetch-Dest': 'document' }
const accessSeconds = 900

describe('a page that is rendered', () => {
  test('T2.1 where no cookie can be set, gets an access token and leaves the session where it is', async () => {
    const app = await signedIn()
    const { rendering, server, bff } = app
    const fresh = await rendering.access(headersOf(app))
    expect(fresh).toMatchObject({ status: 'active', user: { username: ada.username } })
    expect(app.sent).toEqual([])
    server.passTime(accessSeconds)
    // A layout, a page and what they are made of.
    const all = await Promise.all(Array.from({ length: 5 }, () => rendering.access(headersOf(app))))
    expect(new Set(all.map((access) => JSON.stringify(access))).size).toBe(1)
    expect(all[0]).toMatchObject({ status: 'active', user: { username: ada.username } })
    expect(all[0]).not.toEqual(fresh)
    expect([peeks(app), rotations(app)]).toEqual([1, 0])
    // And the next answer that can set a cookie rotates.
    const renewed = await bff.renew(app.cookie())
    expect(renewed.setCookies).toHaveLength(2)
    expect(rotations(app)).toBe(1)
  })

  test('T2.5 a session that only peeked for two lifetimes has to be renewed, which is no sign-out', async () => {
    const app = await signedIn()
    app.server.passTime(2 * accessSeconds)
    expect(await app.rendering.access(headersOf(app))).toEqual({ status: 'rotation-required' })
    const address = app.rendering.renewalAddress('/orders?page=2')
    const renewed = await app.ask(address, { headers: document })
    expect([renewed.status, renewed.headers.get('Location')]).toEqual([303, '/orders?page=2'])
    expect(renewed.headers.get('Cache-Control')).toBe('no-store')
    expect(await app.rendering.access(headersOf(app))).toMatchObject({ status: 'active' })
  })

  test('T5.1 an issuer that is away makes the page stale, and signs nobody out', async () => {
    const app = await signedIn()
    app.server.passTime(accessSeconds)
    const away = startBff(app.server, { client: shop, sessions: sealedSessions([secret]) })
    away.network = async () => new Response(null, { status: 503, headers: { 'Retry-After': '3' } })
    const rendering = createServerRendering(away.bff)
    expect(await rendering.access(headersOf(app))).toMatchObject({ status: 'stale', cause: { status: 503 } })
    expect(await rendering.access(new Headers())).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
  })

  test('a session that was ended: the page cannot tell, the renewal that it asks for does', async () => {
    const app = await signedIn()
    app.server.passTime(accessSeconds)
    await app.server.administration.revokeUserSessions(ada.username)
    expect(await app.rendering.access(headersOf(app))).toEqual({ status: 'rotation-required' })
    await app.ask(app.rendering.renewalAddress('/'), { headers: document })
    expect(app.cookie()).toBe('')
    expect(await app.rendering.access(headersOf(app))).toMatchObject({ status: 'signed-out' })
  })
})

describe('before a page is rendered', () => {
  const ask = (app: StartedBff, headers: Readonly<Record<string, string>>, method = 'GET') => ({
    method,
    url: `${shopOrigin}/orders?page=2`,
    headers: headersOf(app, headers),
  })

  test('T14.3 a document with an expired token is sent to be renewed, at an address that is never kept', async () => {
    const app = await signedIn()
    expect(await app.rendering.renewFirst(ask(app, document))).toBeUndefined()
    app.server.passTime(accessSeconds)
    const sent = await app.rendering.renewFirst(ask(app, document))
    expect(sent?.status).toBe(307)
    expect(sent?.headers.getSetCookie()).toEqual([])
    expect(sent?.headers.get('Cache-Control')).toBe('private, no-store')
    const back = await app.ask(sent?.headers.get('Location') ?? '', { headers: document })
    expect(back.headers.get('Location')).toBe('/orders?page=2')
    expect(await app.rendering.renewFirst(ask(app, document))).toBeUndefined()
    expect(rotations(app)).toBe(1)
  })

  test.each([
    ['the router of Next.js', { 'Next-Router-Prefetch': '1', 'Sec-Fetch-Dest': 'empty' }],
    ['a segment of Next.js', { 'Next-Router-Segment-Prefetch': '/_tree', 'Sec-Fetch-Dest': 'empty' }],
    ['a speculation rule', { 'Sec-Purpose': 'prefetch;prerender', 'Sec-Fetch-Dest': 'document' }],
    ['a link element', { 'Sec-Purpose': 'prefetch', 'Sec-Fetch-Dest': 'document' }],
    ['an older browser', { Purpose: 'prefetch', Accept: 'text/html' }],
    ['an older Firefox', { 'X-Moz': 'prefetch', Accept: 'text/html' }],
  ])('T2.3 a prefetch by %s never rotates, wherever it arrives', async (_who, headers) => {
    const app = await signedIn()
    app.server.passTime(accessSeconds)
    expect(await app.rendering.renewFirst(ask(app, headers))).toBeUndefined()
    const answer = await app.rendering.answer(ask(app, headers), ({ status }) => new Response(status))
    expect([await answer.text(), answer.headers.getSetCookie()]).toEqual(['active', []])
    const renewed = await app.ask(app.rendering.renewalAddress('/'), { headers })
    expect(renewed.headers.getSetCookie()).toEqual([])
    expect(rotations(app)).toBe(0)
  })

  test('what scripts fetch and what changes something goes on as it is', async () => {
    const app = await signedIn()
    app.server.passTime(accessSeconds)
    expect(await app.rendering.renewFirst(ask(app, { 'Sec-Fetch-Dest': 'empty' }))).toBeUndefined()
    expect(await app.rendering.renewFirst(ask(app, document, 'POST'))).toBeUndefined()
    expect(await app.rendering.renewFirst(ask(app, { Accept: 'text/html,*/*' }))).toBeInstanceOf(Response)
  })
})

test('T2.2 proxy, layout, page and four route handlers with an expired token are one rotation', async () => {
  const app = await signedIn()
  app.server.passTime(accessSeconds)
  const expired = headersOf(app)
  const handlers = () =>
    Promise.all(
      Array.from({ length: 4 }, () =>
        app.rendering.answer({ headers: expired }, ({ status }) => Response.json({ status })),
      ),
    )
  const navigate = async () => {
    const request = { method: 'GET', url: `${shopOrigin}/`, headers: headersOf(app, document) }
    const sent = await app.rendering.renewFirst(request)
    await app.ask(sent?.headers.get('Location') ?? '', { headers: document })
    return [await app.rendering.access(headersOf(app)), await app.rendering.access(headersOf(app))]
  }
  const [answers, pages] = await Promise.all([handlers(), navigate()])
  expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual(Array(4).fill({ status: 'active' }))
  expect(pages).toMatchObject([{ status: 'active' }, { status: 'active' }])
  expect(rotations(app)).toBe(1)
  for (const answer of answers) expect(answer.headers.get('Cache-Control')).toBe('private, no-store')
  // Whichever of those cookies stays in the jar, an hour later the session goes on from it.
  app.server.passTime(3600)
  for (const answer of answers) {
    const [line = ''] = answer.headers.getSetCookie()
    expect(await app.bff.renew(line.split(';')[0] ?? null)).toMatchObject({ access: { status: 'active' } })
  }
})
