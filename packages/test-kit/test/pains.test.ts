import { cookieNames, parseSessionState } from '@pawl/protocol'
import { createTestIssuer, type TestClient, type TestIssuer } from '@pawl/test-kit'
import { describe, expect, test } from 'vitest'
import { naiveClient } from './naive-client.ts'

const tabsOf = ({ browser }: TestClient, count: number) => Array.from({ length: count }, () => browser.openTab())

async function eventTypes(kit: TestIssuer): Promise<readonly string[]> {
  return (await kit.events()).map(({ type }) => type)
}

/** What the readable cookie beside the refresh token says. */
function generationOf({ browser }: TestClient): number | undefined {
  const text = browser.cookies().find(({ name }) => name === cookieNames(true).state)?.value
  return text === undefined ? undefined : parseSessionState(text)?.generation
}

function sentTo(kit: TestIssuer, path: string): number {
  return kit.exchanges.filter((exchange) => exchange.path === path).length
}

describe('T1, T30.2: two tabs refresh at once', () => {
  test('T1.1: fifty parallel refreshes end with one successor and no alarm', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    const sessions = await Promise.all(tabsOf(client, 50).map((tab) => tab.refresh()))
    expect(new Set(sessions.map(({ status }) => status))).toEqual(new Set(['active']))
    expect(await client.session()).toMatchObject({ status: 'active', generation: 1 })
    expect(await eventTypes(kit)).not.toContain('session_replayed')
  })

  test('T1.1: one of them is stuck on the way for a minute', async () => {
    await using kit = await createTestIssuer()
    const session = await kit.signIn('grace')
    const naive = naiveClient(kit, session)
    const naiveTab = naiveClient(kit, session, naive.store)
    kit.faults.next('refresh', 'delay-request', { seconds: 60 })
    const stuck = naive.refresh()
    expect(await naiveTab.refresh()).toBe('renewed')
    expect(await kit.clock.runUntil(stuck)).toBe('signed-out')

    const client = await kit.client('ada')
    const [tab] = tabsOf(client, 1)
    kit.faults.next('refresh', 'delay-request', { seconds: 60 })
    const given = client.refresh()
    expect(await tab?.refresh()).toMatchObject({ status: 'active', generation: 1 })
    expect(await kit.clock.runUntil(given)).toMatchObject({ status: 'stale', cause: { kind: 'timeout' } })
    await kit.clock.advance({ minutes: 1 })
    expect(await client.refresh()).toMatchObject({ status: 'active', generation: 2 })
  })
})

describe('T2, T30.2: replies that set cookies arrive in any order', () => {
  test('T2.4: an old reply that arrives a minute late does not put an old token back', async () => {
    await using kit = await createTestIssuer()
    const naive = naiveClient(kit, await kit.signIn('grace'))
    kit.faults.next('refresh', 'delay-reply', { seconds: 60 })
    const late = naive.refresh()
    for (let round = 0; round < 2; round += 1) expect(await naive.refresh()).toBe('renewed')
    expect(await kit.clock.runUntil(late)).toBe('renewed')
    expect(await naive.refresh()).toBe('signed-out')

    const client = await kit.client('ada')
    const [tab] = tabsOf(client, 1)
    kit.faults.next('refresh', 'delay-reply', { seconds: 60 })
    const given = client.refresh()
    for (let round = 0; round < 2; round += 1) await tab?.refresh()
    await kit.clock.runUntil(given)
    await kit.clock.advance({ minutes: 2 })
    expect(await client.refresh()).toMatchObject({ status: 'active' })
  })

  test('T2.4: a late reply that is still taken turns the jar back, and the client heals it', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    const [tab] = tabsOf(client, 1)
    kit.faults.next('refresh', 'delay-reply', { seconds: 8 })
    const given = client.refresh()
    for (let round = 0; round < 2; round += 1) await tab?.refresh()
    expect(generationOf(client)).toBe(2)
    await kit.clock.runUntil(given)
    expect(generationOf(client)).toBe(1)
    await kit.clock.advance({ minutes: 5 })
    expect(await tab?.refresh()).toMatchObject({ status: 'active' })
    await kit.clock.advance({ minutes: 5 })
    expect(await client.refresh()).toMatchObject({ status: 'active' })
    expect(await eventTypes(kit)).not.toContain('session_replayed')
  })

  test('T2.4: the replies to two tabs change places', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    kit.faults.next('refresh', 'reorder')
    const sessions = await Promise.all(tabsOf(client, 2).map((tab) => tab.refresh()))
    expect(sessions.map(({ status }) => status)).toEqual(['active', 'active'])
    await kit.clock.advance({ hours: 1 })
    expect(await client.refresh()).toMatchObject({ status: 'active' })
  })

  test('T2.1, T2.5: a renderer that cannot save cookies peeks, and the session does not move', async () => {
    await using kit = await createTestIssuer()
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const { secret } = await kit.addClient({ id: 'web', type: 'confidential', grants: [grant, 'refresh_token'] })
    const { refreshToken } = await kit.signIn('ada', { client: 'web' })
    const peek = () =>
      kit.fetch('/oauth/token', {
        method: 'POST',
        headers: { Authorization: `Basic ${btoa(`web:${secret}`)}` },
        body: new URLSearchParams({
          grant_type: grant,
          subject_token: refreshToken,
          subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token',
        }),
      })
    for (let page = 0; page < 7; page += 1) expect((await peek()).status).toBe(200)
    await kit.clock.advance({ minutes: 31 })
    expect(await (await peek()).json()).toMatchObject({ reason: 'rotation_required' })
  })
})

describe('T3, T30.2: many processes, one credential', () => {
  test('T3.2: who keeps a copy of his own is signed out, who reads the shared store is not', async () => {
    await using kit = await createTestIssuer()
    const session = await kit.signIn('grace')
    const processes = Array.from({ length: 10 }, () => naiveClient(kit, session))
    expect(await processes[0]?.refresh()).toBe('renewed')
    await kit.clock.advance({ minutes: 5 })
    expect(await processes[1]?.refresh()).toBe('signed-out')
    expect(await processes[0]?.refresh()).toBe('signed-out')

    const tabs = tabsOf(await kit.client('ada'), 10)
    for (const tab of tabs) {
      expect(await tab.refresh()).toMatchObject({ status: 'active' })
      await kit.clock.advance({ minutes: 5 })
    }
  })

  test('T3.3: a process dies between the reply and the file; the next start recovers', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    kit.faults.next('refresh', 'drop-reply')
    expect(await client.refresh()).toMatchObject({ status: 'stale' })
    client.dispose()
    await kit.clock.advance({ days: 1 })
    expect(await client.browser.openTab().session()).toMatchObject({ status: 'active', generation: 1 })
  })

  test('T3.5: with the policy shared-store a private copy is refused and nobody is signed out', async () => {
    await using kit = await createTestIssuer()
    await kit.addClient({ id: 'cli', type: 'public', grants: ['refresh_token'], policy: 'shared-store' })
    const session = await kit.signIn('ada', { client: 'cli' })
    expect(await kit.theft(session)).toEqual({ status: 400, error: 'invalid_grant', reason: 'superseded' })
    expect(await kit.revoke(session)).toBe(true)
  })
})

describe('T4, T30.2: the reply to a refresh is lost', () => {
  test('T4.1: it is fetched again after seconds, minutes and a day', async () => {
    await using kit = await createTestIssuer()
    const naive = naiveClient(kit, await kit.signIn('grace'))
    kit.faults.next('refresh', 'drop-reply')
    await expect(naive.refresh()).rejects.toThrow('fetch failed')
    await kit.clock.advance({ minutes: 10 })
    expect(await naive.refresh()).toBe('signed-out')

    const client = await kit.client('ada')
    const end = kit.faults.always('refresh', 'drop-reply')
    for (const pause of [{ seconds: 5 }, { minutes: 10 }, { days: 1 }]) {
      expect(await client.refresh()).toMatchObject({ status: 'stale', cause: { kind: 'network' } })
      await kit.clock.advance(pause)
    }
    end()
    expect(await client.refresh()).toMatchObject({ status: 'active', generation: 1 })
  })

  test('T4.2: who presents an earlier token after the race window is a thief, and the owner is told', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    expect(await kit.theft(client.browser)).toEqual({ status: 400, error: 'invalid_grant', reason: 'replay' })
    expect(await client.refresh()).toEqual({ status: 'signed-out', reason: 'replay' })
    expect(await eventTypes(kit)).toContain('session_replayed')
  })

  test('T4.4: the node dies after its commit', async () => {
    await using kit = await createTestIssuer()
    const naive = naiveClient(kit, await kit.signIn('grace'))
    kit.faults.next('refresh', 'kill-after-commit')
    await expect(naive.refresh()).rejects.toThrow('fetch failed')
    await kit.clock.advance({ minutes: 1 })
    expect(await naive.refresh()).toBe('signed-out')

    const client = await kit.client('ada')
    kit.faults.next('refresh', 'kill-after-commit')
    expect(await client.refresh()).toMatchObject({ status: 'stale' })
    await kit.clock.advance({ minutes: 1 })
    expect(await client.refresh()).toMatchObject({ status: 'active', generation: 1 })
  })
})

describe('T5, T30.2: a failed refresh is weather', () => {
  test.each(['html', 'store-away', 'drop-request', 'drop-reply'] as const)(
    'T5.1, T5.3: %s leaves the session as it is',
    async (fault) => {
      await using kit = await createTestIssuer()
      const client = await kit.client('ada')
      kit.faults.next('refresh', fault)
      expect(await client.refresh()).toMatchObject({ status: 'stale', user: { username: 'ada' } })
      await kit.clock.advance({ minutes: 1 })
      expect(await client.refresh()).toMatchObject({ status: 'active' })
      expect(sentTo(kit, '/auth/logout')).toBe(0)
    },
  )

  test.each(['html', 'store-away'] as const)('T5.1: %s signs the hand-written client out', async (fault) => {
    await using kit = await createTestIssuer()
    const naive = naiveClient(kit, await kit.signIn('grace'))
    kit.faults.next('refresh', fault)
    expect(await naive.refresh()).toBe('signed-out')
  })

  test('T5.1: Retry-After of an outage is heeded', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    const busy = async () => new Response('', { status: 503, headers: { 'Retry-After': '90' } })
    const end = kit.faults.always('any', busy)
    expect(await client.refresh()).toMatchObject({ status: 'stale', cause: { retryAfterSeconds: 90 } })
    await kit.clock.advance({ seconds: 60 })
    await client.refresh()
    expect(sentTo(kit, '/auth/refresh')).toBe(1)
    end()
    await kit.clock.advance({ seconds: 60 })
    expect(await client.refresh()).toMatchObject({ status: 'active' })
  })
})

describe('T30.2: faults by lot', () => {
  interface Hour {
    readonly honest: string
    readonly naive: boolean
  }

  /** An hour of two tabs that renew now and then, while a third of what they send goes wrong. */
  async function badHour(seed: number): Promise<Hour> {
    await using kit = await createTestIssuer({ seed })
    const naive = naiveClient(kit, await kit.signIn('grace'))
    const client = await kit.client('ada')
    const tabs = [client, ...tabsOf(client, 1)]
    const calm = kit.faults.random({ seed, share: 0.34, target: 'refresh' })
    for (let round = 0; round < 12; round += 1) {
      const renewing = Promise.all(tabs.map((tab) => tab.refresh()))
      const naively = naive.isSignedIn() ? naive.refresh().catch(() => undefined) : undefined
      await kit.clock.runUntil(Promise.all([renewing, naively]))
      await kit.clock.advance({ minutes: 5 })
    }
    calm()
    return {
      honest: (await client.refresh()).status,
      naive: naive.isSignedIn() && (await naive.refresh()) === 'renewed',
    }
  }

  test('T1.1, T2.4, T4.4, T5.1: in 10 bad hours the client stays signed in, and the hand-written one does not', async () => {
    const hours: Hour[] = []
    for (let seed = 0; seed < 10; seed += 1) hours.push(await badHour(seed))
    expect(hours.filter(({ honest }) => honest !== 'active')).toEqual([])
    expect(hours.filter(({ naive }) => naive).length).toBeLessThan(4)
  })
})
