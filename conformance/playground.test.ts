import { randomBytes } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../checks/machine-packages.ts'
import { startChromium } from './running-server/chromium.ts'
import { expectText, ledgerOf, openPlayground, play, signInByForm } from './running-server/playground-window.ts'
import { alice, startServer } from './running-server/started-server.ts'

describe('the playground in production', () => {
  test('is not there, and neither is its client', async () => {
    const secrets = [randomBytes(32).toString('base64url')]
    await using server = await startServer({
      issuer: 'https://id.example.com',
      configuration: { mode: 'production', secrets },
    })
    for (const path of ['/playground', '/playground/page/playground.ts', '/playground/api/notes']) {
      expect((await server.send(path)).status, path).toBe(404)
    }
    const json = { ...alice, client_id: 'playground', delivery: 'body' }
    const reply = await server.send('/auth/login', { json })
    expect([reply.status, JSON.parse(reply.text)]).toMatchObject([400, { error: 'unauthorized_client' }])
  })
})

describe.skipIf(isMissing('chromium'))('the playground, driven in Chromium (needs chromium)', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await startChromium()
  })

  afterAll(async () => {
    await browser?.close()
  })

  test('signs the demo user in, shows both tokens, and calls the example API with and without', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    expect(await page.locator('#username').inputValue()).toBe('demo')
    await signInByForm(page)

    await expectText(page, '#access-left', '30 s left')
    await expectText(page, '#fact-generation', '0')
    await expectText(page, '#claim-iss', window.server.issuer)
    await expectText(page, '#claim-sid', (await page.locator('#fact-session').textContent()) ?? 'none')

    await page.locator('#call').click()
    await expectText(page, '#call-text', /^200: /)
    await page.locator('#call-bare').click()
    await expectText(page, '#call-text', /^401: Reason missing_token/)
    await page.locator('#call-admin').click()
    await expectText(page, '#call-text', /^403: Reason missing_role/)
    expect(await page.locator('#answers > li').allTextContents()).toEqual(['403', '401', '200'])
    expect(window.complaints).toEqual([])
  })

  test('refuses a wrong password and says so', async () => {
    await using window = await openPlayground(browser)
    await window.page.locator('#password').fill('not-the-password-at-all')
    await window.page.keyboard.press('Enter')
    await expectText(window.page, '#standing', 'Not signed in: invalid_credentials.')
    expect(await ledgerOf(window.page)).toEqual(['this tab: /auth/login 401'])
  })

  test('renews silently while the API is called again and again: no answer but 200, one tooth on', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await page.locator('#keep-calling').check()
    await window.pass(2)
    await expectText(page, '#answers', '200')
    expect(await page.locator('#fact-generation').textContent()).toBe('0')

    await window.pass(27)
    await expectText(page, '#fact-generation', '1')
    await expectText(page, '#access-left', /^(?:30|29) s left$/)
    await window.pass(2)
    await expectText(page, '#answers', /^200(?:200)+$/)
    expect(await ledgerOf(page)).toEqual(['this tab: signed in', 'this tab: advance 0 → 1'])
  })

  test('two tabs that refresh at once make one step, and both go on', async () => {
    await using window = await openPlayground(browser)
    const { page, context } = window
    await signInByForm(page)
    await page.locator('#play-tabs').click()
    await expectText(page, '#verdict-tabs', /^Two requests with generation (\d+), one step: one was the advance/)

    const [, second] = context.pages()
    if (second === undefined) throw new Error('no second tab was opened')
    const generation = await page.locator('#fact-generation').textContent()
    await expectText(second, '#standing', 'Signed in as demo.')
    await expectText(second, '.wheel-number', generation ?? 'none')
    await page.locator('#call').click()
    await expectText(page, '#call-text', /^200: /)
    await second.locator('#refresh').click()
    await expectText(second, '.wheel-number', String(Number(generation) + 1))
    await expectText(page, '#fact-generation', String(Number(generation) + 1))
    expect((await ledgerOf(page)).at(-1)).toBe(`another tab: moved on ${generation} → ${Number(generation) + 1}`)
    expect(window.complaints).toEqual([])
  })

  test('a lost reply is fetched again with the attempt id, however late', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await play(page, 'lost', 'lose')
    await expectText(page, '#verdict-lost', /^The server moved to generation 1; the phone still holds 0/)
    await expectText(page, '#phone-wheel .wheel-number', '1')
    await expectText(page, '#owner-fact-refresh', /^generation 0, superseded/)
    await window.pass(3600)
    await page.locator('#retry-with').click()
    await expectText(page, '#verdict-lost', /^Repeat 0 → 1\. .*the attempt id is that of this very rotation/)
    await expectText(page, '#owner-fact-refresh', /^generation 1 · [0-9a-f]{8}$/)
    await page.locator('#owner-refresh').click()
    await expectText(page, '#owner-last', 'advance 1 → 2')
  })

  test('a lost reply retried late without the attempt id looks like theft', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await play(page, 'lost', 'lose')
    await expectText(page, '#verdict-lost', /the phone still holds 0/)
    await window.pass(31)
    await page.locator('#retry-without').click()
    await expectText(page, '#verdict-lost', /^Replay: without the attempt id/)
    await expectText(page, '#phone-wheel .wheel-note', 'ended: replay')
  })

  test('a stolen refresh token: owner and thief are both out, the server refuses at once, the API until exp', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await play(page, 'theft', 'play-theft')
    await expectText(
      page,
      '#verdict-theft',
      /^The thief was first and holds generation 1\. The owner wakes up in 3[01] s/,
    )
    await window.pass(31)
    await expectText(page, '#verdict-theft', /^Replay: the thief had got to generation 2 when the owner came with 0/)
    await expectText(page, '#phone-wheel .wheel-note', 'ended: replay')
    expect((await ledgerOf(page)).slice(1)).toEqual([
      'phone: signed in generation 0',
      'thief: copy taken generation 0',
      'thief: advance 0 → 1',
      'thief: advance 1 → 2',
      'phone: replay 0, current was 2',
      'thief: refused 400 invalid_grant',
      'thief: GET /auth/session 401',
      'thief: API 200',
    ])
    // The browser's own session is another family: the verdict does not touch it.
    await page.locator('#call').click()
    await expectText(page, '#call-text', /^200: /)
  })

  test('the theft played by hand: inside the race window nobody can tell, after it the second one gives both away', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await play(page, 'theft', 'steal')
    await expectText(page, '#thief-last', 'Has a copy.')
    await page.locator('#owner-refresh').click()
    await expectText(page, '#owner-last', 'advance 0 → 1')
    await page.locator('#thief-refresh').click()
    await expectText(page, '#thief-last', 'repeat 0 → 1')
    expect(await page.locator('#thief-fact-refresh').textContent()).toBe(
      await page.locator('#owner-fact-refresh').textContent(),
    )
    await page.locator('#owner-refresh').click()
    await expectText(page, '#owner-last', 'advance 1 → 2')
    await window.pass(31)
    await page.locator('#thief-refresh').click()
    await expectText(page, '#thief-last', 'replay 1, current was 2')
    await page.locator('#owner-ask').click()
    await expectText(page, '#owner-last', 'Server 401 expired')
    await page.locator('#owner-refresh').click()
    await expectText(page, '#owner-last', 'refused 400 invalid_grant')
  })

  test('an old token: answered inside the race window, a replay after it', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await play(page, 'replay', 'replay-now')
    await expectText(page, '#verdict-replay', /^Repeat 0 → 2\. .*inside the race window/)
    await play(page, 'replay', 'replay-late')
    await expectText(page, '#verdict-replay', /^Generation 0 is superseded\. Its race window closes in/)
    await window.pass(31)
    await expectText(page, '#verdict-replay', /^Replay 0, current was 2\. .*Theft: the session ends for everyone\.$/)
  })

  test('sign out ends this session; sign out everywhere ends the phone as well', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await page.locator('#sign-out').click()
    await expectText(page, '#standing', 'Signed out: logout.')
    await expectText(page, '#browser-wheel .wheel-note', 'no session')
    await expectText(page, '#claim-sub', '–')

    await signInByForm(page)
    await page.locator('#sign-in-phone').click()
    await expectText(page, '#owner-fact-refresh', /^generation 0 · /)
    await page.locator('#sign-out-everywhere').click()
    await expectText(page, '#standing', 'Signed out: logout.')
    await page.locator('#owner-refresh').click()
    await expectText(page, '#owner-last', 'refused 400 invalid_grant')
    await expectText(page, '#phone-wheel .wheel-note', 'ended: revoked_by_user')
  })

  test('a session outlives a reload, and the password does not', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await page.reload()
    await expectText(page, '#standing', 'Signed in as demo.')
    expect(await page.locator('#password').inputValue()).toBe('')
    await play(page, 'lost', 'lose')
    await expectText(page, '#phone-text', 'Type the password above first: the phone signs in with it.')
  })

  test('works below the path of an issuer, and says so to who comes by another name', async () => {
    await using window = await openPlayground(browser, { basePath: '/id' })
    const { page, server } = window
    await signInByForm(page)
    await page.locator('#call').click()
    await expectText(page, '#call-text', /^200: /)
    await play(page, 'lost', 'lose')
    await expectText(page, '#verdict-lost', /the phone still holds 0/)
    expect(window.complaints).toEqual([])
    await page.goto(`${server.issuer.replace('localhost', '127.0.0.1')}/playground`)
    await expectText(
      page,
      '#notice',
      `This server is ${server.issuer}: open ${server.issuer}/playground, or its cookies and keys will not fit.`,
    )
  })
})
