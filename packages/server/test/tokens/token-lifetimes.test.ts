import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accessExpiry, replyLifetimes } from '../../src/tokens/token-lifetimes.ts'

const instants = fc.integer({ min: 1_600_000_000_000, max: 2_000_000_000_000 })
const lifetimes = fc.integer({ min: 1, max: 86_400 })
const lengths = fc.integer({ min: 1_000, max: 90 * 86_400_000 })

describe('lifetimes', () => {
  test('F6, T32.1: an access token never outlives its session nor its own lifetime', () => {
    fc.assert(
      fc.property(instants, lifetimes, lengths, (now, accessSeconds, left) => {
        const exp = accessExpiry(now, accessSeconds, now + left)
        expect(exp * 1000).toBeLessThanOrEqual(now + left)
        expect(exp).toBeLessThanOrEqual(Math.floor(now / 1000) + accessSeconds)
      }),
    )
  })

  test('RT-13: the timeout is never longer than the authorization, and the hint lies before the expiry', () => {
    fc.assert(
      fc.property(
        instants,
        lifetimes,
        lengths,
        lengths,
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (now, access, idle, absolute, spread) => {
          const session = { idleExpiresAt: now + idle, absoluteExpiresAt: now + absolute }
          const told = replyLifetimes(session, now, access, spread)
          expect(told.refreshTokenTimeout).toBeLessThanOrEqual(told.authorizationExpiresIn)
          expect(told.refreshIn).toBeLessThanOrEqual(told.expiresIn)
          expect(told.refreshIn).toBeGreaterThanOrEqual(0)
          for (const seconds of Object.values(told)) expect(Number.isInteger(seconds)).toBe(true)
        },
      ),
    )
  })

  test('F13: the hint of a 15-minute token is spread over 180 s, so that lock-step soon fails', () => {
    const session = { idleExpiresAt: 1e13, absoluteExpiresAt: 1e13 }
    const earliest = replyLifetimes(session, 0, 900, 0.999999).refreshIn
    const latest = replyLifetimes(session, 0, 900, 0).refreshIn
    expect(latest).toBe(840)
    expect(latest - earliest).toBeGreaterThanOrEqual(180)
  })
})
