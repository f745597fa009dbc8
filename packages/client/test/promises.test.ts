import { type ClientOptions, memoryStore, type SessionClient, type TokenStore } from '@pawl/client'
import { describe, expect, test, vi } from 'vitest'
import { openBrowser } from './browser.ts'
import { ada, apiOrigin, startIssuer } from './started-issuer.ts'
import { openMachine } from './token-holder.ts'

/** Timeouts that fire when the test says that their time has come, and the time that has passed until then. */
function turnedByHand(): {
  timeout: (milliseconds: number) => AbortSignal
  passed: () => number
  fireNext: () => void
} {
  const pending: { readonly at: number; readonly controller: AbortController }[] = []
  let now = 0
  return {
    timeout: (milliseconds) => {
      const controller = new AbortController()
      pending.push({ at: now + milliseconds, controller })
      return controller.signal
    },
    passed: () => now,
    fireNext: () => {
      pending.sort((one, other) => one.at - other.at)
      const next = pending.shift()
      if (next === undefined) return
      now = next.at
      next.controller.abort(new DOMException('too late', 'TimeoutError'))
    },
  }
}

const never = () => new Promise<never>(() => {})
const hungStore: TokenStore = {
  ...memoryStore(),
  read: never,
  update: never,
  alone: never,
  attempts: { claim: never, forget: never },
}

/** Everything that gives a promise, with the seconds that it is documented to take at most. */
const promises: Readonly<
  Record<string, readonly [seconds: number, call: (client: SessionClient) => Promise<unknown>]>
> = {
  session: [20, (client) => client.session()],
  refresh: [20, (client) => client.refresh()],
  signOut: [20, (client) => client.signOut()],
  'signOut everywhere': [30, (client) => client.signOut({ everywhere: true })],
}

async function elapsed(call: () => Promise<unknown>, hand: ReturnType<typeof turnedByHand>): Promise<number> {
  const before = hand.passed()
  let settled = false
  call().then(
    () => {
      settled = true
    },
    () => {
      settled = true
    },
  )
  for (let turn = 0; turn < 100 && !settled; turn += 1) {
    for (let wait = 0; wait < 5; wait += 1) await new Promise(setImmediate)
    if (!settled) hand.fireNext()
  }
  expect(settled).toBe(true)
  return (hand.passed() - before) / 1000
}

describe('T7.4: no promise stays pending beyond its deadline', () => {
  test.each(Object.keys(promises))('T7.4: %s(), with cookies, while nothing answers', async (name) => {
    const [seconds, call] = promises[name] ?? [0, never]
    const browser = openBrowser(await startIssuer())
    const hand = turnedByHand()
    const options: ClientOptions = { timeout: hand.timeout, attempts: { claim: never, forget: never } }
    await browser.openTab().client.signIn(ada)
    const { client } = browser.openTab(options)
    browser.network = never
    expect(await elapsed(() => call(client), hand)).toBeLessThanOrEqual(seconds)
  })

  test.each(Object.keys(promises))('T7.4: %s(), with tokens, while neither store nor server answer', async (name) => {
    const [seconds, call] = promises[name] ?? [0, never]
    const machine = openMachine(await startIssuer(), hungStore)
    const hand = turnedByHand()
    const { client } = machine.start({ timeout: hand.timeout })
    machine.network = never
    expect(await elapsed(() => call(client), hand)).toBeLessThanOrEqual(seconds)
    expect(await elapsed(() => client.accessToken(), hand)).toBeLessThanOrEqual(20)
    expect(await elapsed(() => client.signIn(ada), hand)).toBeLessThanOrEqual(40)
  })

  test.each(Object.keys(promises))(
    'T7.4: %s(), with tokens in a sound store, while the server is silent',
    async (name) => {
      const [seconds, call] = promises[name] ?? [0, never]
      const machine = openMachine(await startIssuer())
      await machine.start().client.signIn(ada)
      const hand = turnedByHand()
      const { client } = machine.start({
        timeout: hand.timeout,
        store: { ...machine.store, alone: never, attempts: { claim: never, forget: never } },
      })
      await client.session()
      machine.network = never
      expect(await elapsed(() => call(client), hand)).toBeLessThanOrEqual(seconds)
    },
  )
})

describe('T7.2, T7.3: whoever listens', () => {
  test('T7.2: a listener that calls every method of the client stops nothing', async () => {
    const server = await startIssuer()
    const machine = openMachine(server)
    const browser = openBrowser(server)
    const clients = [machine.start().client, browser.openTab().client]
    for (const client of clients) {
      const inner: Promise<unknown>[] = []
      let depth = 0
      client.onChange(() => {
        depth += 1
        if (depth > 20) return
        inner.push(client.session(), client.refresh(), client.fetch(`${apiOrigin}/api/notes`), client.signIn(ada))
        if (depth === 3) inner.push(client.signOut(), client.signOut({ everywhere: true }))
        client.onChange(() => undefined)()
        client.current()
      })
      await client.signIn(ada)
      await client.refresh()
      for (let settled = 0; settled < inner.length; settled += 1) await inner[settled]
      expect(depth).toBeGreaterThan(3)
      client.dispose()
    }
  })

  test('T7.3: a client that was disposed of, as by StrictMode, leaves no timer and no listener', async () => {
    const listening = new Set<unknown>()
    vi.stubGlobal('addEventListener', (_type: string, listener: unknown) => listening.add(listener))
    vi.stubGlobal('removeEventListener', (_type: string, listener: unknown) => listening.delete(listener))
    const server = await startIssuer()
    const machine = openMachine(server)
    const browser = openBrowser(server)
    const timers = vi.getTimerCount()
    for (const start of [() => machine.start().client, () => browser.openTab().client]) {
      for (let mount = 0; mount < 2; mount += 1) {
        const client = start()
        expect(listening.size).toBe(1)
        void client.session()
        await client.refresh()
        client.dispose()
        expect(listening.size).toBe(0)
      }
    }
    expect(vi.getTimerCount()).toBeLessThanOrEqual(timers)
    vi.unstubAllGlobals()
  })
})
