import { addUser, aMove, anEvent, aPeek, aRepeat, aSession, openSession } from '@pawl/server/storage-contract/records'
import { describe, expect, test } from 'vitest'
import { proxyForTest } from './message-proxy.ts'
import { postgresForTest, testUrl } from './postgres-fixture.ts'

describe.skipIf(testUrl === undefined)('what is sent to the server (needs the package postgresql)', () => {
  /** An engine whose watch is somewhere else, so that only what the test does is seen. */
  async function watched() {
    const proxy = await proxyForTest()
    const fixture = await postgresForTest({ url: proxy.url })
    const user = await addUser(fixture.storage, 'ada')
    await fixture.storage.diagnose?.()
    const seen = () => proxy.statements().filter(({ text }) => !text.includes('key_ring'))
    return { ...fixture, proxy, user, seen }
  }

  test('T10.2 F9 a refresh is one read and one conditional UPDATE, without BEGIN', async () => {
    const { storage, user, proxy, seen } = await watched()
    await openSession(storage, 'tab', user)
    proxy.forget()
    const { session, now } = await storage.readSession(aSession('tab', user, 0).id)
    if (session === undefined) throw new Error('the session is not there')
    expect(await storage.moveSession(aMove(session, now))).toBe(true)
    const [read, write, ...more] = seen().map(({ text }) => text)
    expect(more).toEqual([])
    expect(read).not.toMatch(/\b(UPDATE|INSERT|DELETE|BEGIN)\b/)
    expect(write?.match(/UPDATE "\w+"\.sessions\b/g)).toHaveLength(1)
    expect(write).toMatch(/WHERE sessions\.id = locked\.id AND sessions\.generation = asked\.expected/)
    expect(write).not.toMatch(/\b(BEGIN|COMMIT)\b/)
  })

  test('T10.2 refreshes that arrive together share their statements, and nothing waits for a timer', async () => {
    const { storage, clock, user, proxy, seen } = await watched()
    const sessions = await Promise.all(
      Array.from({ length: 50 }, (_, index) => openSession(storage, `tab ${index}`, user)),
    )
    proxy.forget()
    await Promise.all(sessions.map(({ id }) => storage.readSession(id)))
    expect(seen()).toHaveLength(1)
    proxy.forget()
    const writes = sessions.map((session, index) => {
      if (index % 3 === 0) return storage.moveSession(aMove(session, clock.now()))
      return index % 3 === 1
        ? storage.countRepeat(aRepeat(session, clock.now()))
        : storage.countPeek(aPeek(session, clock.now()))
    })
    expect(await Promise.all(writes)).toEqual(sessions.map(() => true))
    expect(seen()).toHaveLength(1)
  })

  test('F9 of two writes of one session the second waits for the first and is judged by what that one left', async () => {
    const { storage, clock, user, proxy, seen } = await watched()
    const session = await openSession(storage, 'tab', user)
    const other = await openSession(storage, 'other', user)
    proxy.forget()
    const move = aMove(session, clock.now())
    const answers = await Promise.all([
      storage.moveSession(move),
      storage.moveSession(move),
      storage.countRepeat(aRepeat({ ...session, generation: 1 }, clock.now())),
      storage.moveSession(aMove(other, clock.now())),
    ])
    expect(answers).toEqual([true, false, true, true])
    expect(seen()).toHaveLength(3)
  })

  test('F7 what disables a user locks the row first and looks for sessions in a later statement', async () => {
    const { storage, clock, user, proxy, seen } = await watched()
    await openSession(storage, 'tab', user)
    proxy.forget()
    expect(await storage.disableUser(user.id, clock.now(), anEvent('user_disabled', clock.now()))).toBe(true)
    const texts = seen().map(({ text }) => text)
    expect(texts[0]).toMatch(/^BEGIN ISOLATION LEVEL READ COMMITTED/)
    expect(texts.at(-1)).toBe('COMMIT')
    expect(texts.findIndex((text) => /UPDATE "\w+"\.users/.test(text))).toBe(1)
    expect(texts.findIndex((text) => /UPDATE "\w+"\.sessions/.test(text))).toBe(2)
  })

  test('statements are kept prepared on a connection of one’s own', async () => {
    const { storage, user, proxy, seen } = await watched()
    await openSession(storage, 'tab', user)
    proxy.forget()
    for (let round = 0; round < 3; round += 1) await storage.findUser(user.id)
    expect(seen().map(({ name }) => name)).toEqual(['find_user', 'find_user', 'find_user'])
  })
})

describe.skipIf(testUrl === undefined)('behind a pooler (needs the package postgresql)', () => {
  test('nothing is set or prepared on a connection; transactions set their own limits', async () => {
    const proxy = await proxyForTest({ pooler: true })
    const { storage, clock } = await postgresForTest({ url: proxy.url })
    const user = await addUser(storage, 'ada')
    const session = await openSession(storage, 'tab', user)
    expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
    expect(await storage.disableUser(user.id, clock.now(), anEvent('user_disabled', clock.now()))).toBe(true)
    const sent = proxy.statements()
    expect(new Set(sent.map(({ name }) => name))).toEqual(new Set(['']))
    expect(sent.filter(({ text }) => /\bSET\b(?! LOCAL)/.test(text.replaceAll(/UPDATE .*/gs, '')))).toEqual([])
    expect(sent.find(({ text }) => text.startsWith('BEGIN ISOLATION') && text.includes('SET LOCAL'))?.text).toMatch(
      /SET LOCAL statement_timeout = 5000;SET LOCAL idle_in_transaction_session_timeout = 10000/,
    )
    expect((await storage.diagnose?.())?.facts).toContain('changes by other nodes are looked for every 100 ms')
  })

  test('changes are heard by way of the direct URL, if there is one', async () => {
    const proxy = await proxyForTest({ pooler: true })
    const direct = await proxyForTest()
    const { storage } = await postgresForTest({ url: proxy.url, directUrl: direct.url })
    expect((await storage.diagnose?.())?.facts).toContain(
      'the database tells of changes by other nodes at once (LISTEN)',
    )
    expect(proxy.statements().filter(({ text }) => text.includes('LISTEN'))).toEqual([])
  })
})
