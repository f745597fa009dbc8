import { expect, test } from 'vitest'
import { heart, reasonOf, seconds, successorOf } from './refreshing.ts'

const day = 86_400 * seconds
const attemptId = 'a'.repeat(22)

/** What SECURITY.md says that Pawl does not promise, each shown to be so: a limit that moves must move there, too. */

test('T17.3 limit: without a key binding a thief in lock-step inside the window of the owner is not told from him', async () => {
  const { signIn, refresh, clock } = await heart()
  let shared = (await signIn()).refreshToken
  for (let turn = 0; turn < 20; turn += 1) {
    const owner = successorOf(await refresh(shared))
    clock.advance(29 * seconds)
    expect(successorOf(await refresh(shared))).toBe(owner)
    shared = owner
    clock.advance(day)
  }
})

test("T17.3 limit: a thief who reads the owner's store all the time is not told from him", async () => {
  const { signIn, refresh, clock } = await heart()
  let store = (await signIn()).refreshToken
  for (let turn = 0; turn < 20; turn += 1) {
    store = successorOf(await refresh(store))
    clock.advance(day)
  }
})

test('limit: who copied token and attempt id together fetches that one reply unnoticed, and is found after', async () => {
  const { signIn, refresh, clock } = await heart()
  const { refreshToken } = await signIn()
  const owner = successorOf(await refresh(refreshToken, { attemptId }))
  clock.advance(day)
  const thief = successorOf(await refresh(refreshToken, { attemptId }))
  expect(thief).toBe(owner)
  await refresh(thief, { attemptId: 'b'.repeat(22) })
  clock.advance(day)
  expect(reasonOf(await refresh(owner, { attemptId: 'c'.repeat(22) }))).toBe('replay')
})

test('limit: whoever holds any genuine token, however old, can end the session by playing it back', async () => {
  const { signIn, refresh, clock, storage } = await heart()
  const { refreshToken, session } = await signIn()
  let current = refreshToken
  for (let turn = 0; turn < 10; turn += 1) current = successorOf(await refresh(current))
  clock.advance(day)
  expect(reasonOf(await refresh(refreshToken))).toBe('replay')
  expect((await storage.readSession(session.id)).session?.revokedReason).toBe('replay')
})

test('F8 limit: after lost writes two holders may hold different live tokens, until the next advance leaves one', async () => {
  const { signIn, refresh, storage, clock } = await heart()
  const zero = await signIn()
  const before = (await storage.readSession(zero.session.id)).session
  const one = successorOf(await refresh(zero.refreshToken))
  // The store as it was before that refresh: generation 0 is current again, and generation 1 lies ahead of it.
  const restored = await heart()
  await restored.storage.openSession(before ?? zero.session, { type: 'session_opened', at: 0, actor: 'user' })
  expect(await restored.refresh(zero.refreshToken)).toMatchObject({ kind: 'refreshed', cause: 'advance' })
  const again = await heart()
  await again.storage.openSession(before ?? zero.session, { type: 'session_opened', at: 0, actor: 'user' })
  expect(await again.refresh(one)).toMatchObject({ kind: 'refreshed', cause: 'roll-forward' })
  clock.advance(day)
  again.clock.advance(day)
  expect(reasonOf(await again.refresh(zero.refreshToken))).toBe('replay')
})
