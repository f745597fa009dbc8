import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isMissing } from '../checks/machine-packages.ts'
import { violations } from './running-server/accessibility.ts'
import { startChromium } from './running-server/chromium.ts'
import { heapStrings, reachableText } from './running-server/page-search.ts'
import { expectText, openPlayground, play, signInByForm } from './running-server/playground-window.ts'

const refreshTokenForm = /pawl_rt_[A-Za-z0-9_-]{20,}/
const themes = ['light', 'dark'] as const
const widths = [1280, 390] as const

describe.skipIf(isMissing('chromium'))('the playground as a page, in Chromium (needs chromium)', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await startChromium()
  })

  afterAll(async () => {
    await browser?.close()
  })

  /** Signs in, has the token renewed, and refreshes from a second tab: all that the browser's own session goes through. */
  async function goThroughSession(page: Page): Promise<void> {
    await signInByForm(page)
    await page.locator('#call').click()
    await page.locator('#play-tabs').click()
    await expectText(page, '#verdict-tabs', /^(?:Two requests|The tabs|One tab)/)
  }

  test('T35.1: no script can get at the refresh token of the browser’s session', async () => {
    await using window = await openPlayground(browser)
    const { page, context } = window
    await goThroughSession(page)
    const cookies = await context.cookies(`${window.server.issuer}/auth/refresh`)
    const refresh = cookies.filter(({ value }) => refreshTokenForm.test(value))
    expect(refresh).toMatchObject([{ name: 'pawl_refresh', httpOnly: true, path: '/auth', sameSite: 'Strict' }])

    for (const opened of context.pages()) {
      const reachable = await reachableText(opened)
      // What it does see shows that it looked: the state cookie, the attempt ids, the document.
      expect(reachable).toContain('pawl_state=')
      expect(refreshTokenForm.exec(reachable)).toBeNull()
      expect((await heapStrings(opened)).filter((text) => refreshTokenForm.test(text))).toEqual([])
    }
  })

  test('T35.1: the search finds what there is to find, the phone’s tokens on the heap and a planted one anywhere', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await signInByForm(page)
    await play(page, 'theft', 'steal')
    await expectText(page, '#thief-last', 'Has a copy.')
    // The bench holds the phone's tokens on purpose: in closures, so on the heap, and in reach of no other script.
    expect((await heapStrings(page)).some((text) => refreshTokenForm.test(text))).toBe(true)
    expect(refreshTokenForm.exec(await reachableText(page))).toBeNull()

    const plant = [
      (text: string) => `document.cookie = 'planted=${text}'`,
      (text: string) => `localStorage.setItem('planted', '${text}')`,
      (text: string) => `sessionStorage.setItem('planted', '${text}')`,
      (text: string) => `globalThis.planted = { deep: new Map([['planted', ['${text}']]]) }`,
      (text: string) => `caches.open('planted').then((cache) => cache.put('/planted', new Response('${text}')))`,
      (text: string) => `new Promise((resolve) => {
        const opening = indexedDB.open('planted')
        opening.onupgradeneeded = () => opening.result.createObjectStore('planted').put('${text}', 'planted')
        opening.onsuccess = () => resolve(opening.result.close())
      })`,
    ].map((write, place) => ({ write, text: `pawl_rt_${String(place).repeat(90)}` }))
    for (const { write, text } of plant) await page.evaluate(write(text))
    const reachable = await reachableText(page)
    for (const { text } of plant) expect(reachable, text).toContain(text)
  })

  test('runs under a policy that lets nothing in from elsewhere, and breaks none of it', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    const answer = await page.reload()
    const policy = answer?.headers()['content-security-policy'] ?? ''
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'self' 'sha256-[^']+'; style-src 'self'; connect-src 'self';/,
    )
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    await goThroughSession(page)
    expect(window.complaints).toEqual([])
    // An injected script does not run.
    await page.evaluate("document.body.append(Object.assign(document.createElement('p'), { id: 'bait' }))")
    const injected = page.evaluate("document.getElementById('bait').innerHTML = '<img src=x onerror=alert(1)>'")
    await expect(injected).rejects.toThrow(/TrustedHTML/)
  })

  test('can be used by keyboard alone: sign in, call, play a scene', async () => {
    await using window = await openPlayground(browser)
    const { page } = window
    await page.locator('#password').focus()
    await page.keyboard.type('quiet-instrument-seventeen')
    await page.keyboard.press('Enter')
    await expectText(page, '#standing', 'Signed in as demo.')
    const reached = new Set<string>()
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press('Tab')
      reached.add(
        z.string().parse(await page.evaluate('document.activeElement.id || document.activeElement.localName')),
      )
    }
    for (const id of ['sign-out', 'call', 'keep-calling', 'play-tabs', 'sign-in-phone', 'lose', 'summary', 'ledger']) {
      expect(reached, id).toContain(id)
    }
    await page.locator('#lose').focus()
    await page.keyboard.press('Enter')
    await expectText(page, '#verdict-lost', /the phone still holds 0/)
  })

  describe.each(themes)('%s theme', (theme) => {
    test.each(widths)('axe finds nothing at %i px, nothing is wider than the window, nothing jumps', async (width) => {
      await using window = await openPlayground(browser, { theme, width, bypassCSP: true })
      const { page, context } = window
      await page.evaluate(watchJumps)
      expect(await violations(page), 'signed out').toEqual([])
      await goThroughSession(page)
      await page.locator('#call-bare').click()
      await play(page, 'theft', 'play-theft')
      await expectText(page, '#verdict-theft', /^The thief was first/)
      expect(await violations(page), 'during the theft').toEqual([])
      await window.pass(31)
      await expectText(page, '#verdict-theft', /^Replay/)
      expect(await violations(page), 'after the theft').toEqual([])
      const [, second] = context.pages()
      if (second === undefined) throw new Error('no second tab was opened')
      expect(await violations(second), 'second tab').toEqual([])

      const size = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
      expect(size).toEqual([width, width])
      const jumps = z.array(z.number()).parse(await page.evaluate('jumps'))
      expect(jumps.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.01)
    })
  })
})

/** Notes what moves without being asked to; a list that grows at its head is meant to push the rest down. */
const watchJumps = `
  globalThis.jumps = []
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (!hadRecentInput && sources.some(({ node }) => node?.closest?.('#ledger, #answers') === null)) jumps.push(value)
    }
  }).observe({ type: 'layout-shift', buffered: true })`
