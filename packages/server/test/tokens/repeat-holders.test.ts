import { describe, expect, test } from 'vitest'
import {
  countRepeatHolders,
  noRepeatHolders,
  repeatHolder,
  repeatHoldersBytes,
} from '../../src/tokens/repeat-holders.ts'
import { heart, successorOf } from './refreshing.ts'

const seed = new Uint8Array(32).fill(7)
const owner = { address: '192.0.2.1', userAgent: 'owner' }

describe('the fingerprint of a holder (F21)', () => {
  test('whoever advanced leaves none', () => {
    expect(repeatHolder({ seed, lastUsedFrom: owner }, { ...owner })).toBeUndefined()
  })

  test('differs with the address and with the user agent, and is no text that could be read back', () => {
    const devices = [
      { address: '192.0.2.2', userAgent: 'owner' },
      { address: '192.0.2.1', userAgent: 'other' },
      { address: null, userAgent: 'owner' },
      { address: '192.0.2.1', userAgent: null },
      { address: null, userAgent: null },
    ]
    const prints = devices.map((device) => Buffer.from(repeatHolder({ seed, lastUsedFrom: owner }, device) ?? []))
    expect(new Set(prints.map((print) => print.toString('hex'))).size).toBe(devices.length)
    for (const print of prints) expect(print).toHaveLength(repeatHoldersBytes / 4)
  })

  test('of one device differs between sessions', () => {
    const thief = { address: '198.51.100.9', userAgent: 'thief' }
    const other = { seed: new Uint8Array(32).fill(8), lastUsedFrom: owner }
    expect(repeatHolder(other, thief)).not.toEqual(repeatHolder({ seed, lastUsedFrom: owner }, thief))
  })
})

test('counts the places that are taken', () => {
  const holders = noRepeatHolders()
  expect(countRepeatHolders(holders)).toBe(0)
  for (const [taken, start] of [3, 4, 8, 12].entries()) {
    holders[start] = 1
    expect(countRepeatHolders(holders)).toBe(taken + 1)
  }
})

describe('suspicion about a generation (F21)', () => {
  test('counts how many others fetched it again, and changes no answer', async () => {
    const { signIn, refresh, storage } = await heart()
    const { refreshToken, session } = await signIn()
    const successor = successorOf(await refresh(refreshToken))
    const others = ['b', 'b', 'a', 'c', 'owner', 'd', 'e', 'f']
    for (const userAgent of others) {
      const device = { address: '192.0.2.1', userAgent }
      expect(successorOf(await refresh(refreshToken, { device }))).toBe(successor)
    }
    const row = (await storage.readSession(session.id)).session
    expect(row?.repeats).toBe(others.length)
    // b, a, c and d; more than four are not told apart.
    expect(countRepeatHolders(row?.repeatHolders ?? noRepeatHolders())).toBe(4)
    expect((await storage.nextEvents(100)).map(({ event }) => event.type)).toEqual(['user_added', 'session_opened'])
  })

  test('starts anew with each rotation', async () => {
    const { signIn, refresh, storage } = await heart()
    const { refreshToken, session } = await signIn()
    const successor = successorOf(await refresh(refreshToken))
    await refresh(refreshToken, { device: { address: null, userAgent: 'thief' } })
    await refresh(successor)
    expect((await storage.readSession(session.id)).session).toMatchObject({
      generation: 2,
      repeats: 0,
      repeatHolders: noRepeatHolders(),
    })
  })

  test('is part of the evidence of a theft', async () => {
    const { signIn, refresh, peek, storage, clock } = await heart()
    const { refreshToken } = await signIn()
    const successor = successorOf(await refresh(refreshToken))
    for (const userAgent of ['b', 'c', 'b'])
      await refresh(refreshToken, { device: { address: '192.0.2.7', userAgent } })
    for (const _ of [1, 2]) await peek(successor)
    const lastUsedAt = clock.now()
    clock.advance(31_000)
    await refresh(refreshToken, { device: { address: '198.51.100.9', userAgent: 'thief' } })
    const events = (await storage.nextEvents(100)).map(({ event }) => event)
    expect(events.at(-1)).toMatchObject({
      type: 'session_replayed',
      device: { address: '198.51.100.9', userAgent: 'thief' },
      evidence: {
        repeats: 3,
        repeatHolders: 2,
        peeks: 2,
        holderLastUsedAt: lastUsedAt,
        holderUserAgent: 'owner',
        mintedSince: 1,
      },
    })
  })
})
