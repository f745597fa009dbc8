import { onTestFinished } from 'vitest'
import type { Clock } from '../../secrets/random.ts'
import type { Storage } from '../store-ports.ts'

/** The engine's clock, in the hand of the contract. */
export interface ManualClock {
  readonly now: Clock
  /** Turns it by so many milliseconds; back, if negative. */
  readonly advance: (milliseconds: number) => void
}

/** An engine with nothing in it, opened. */
export interface StorageFixture {
  readonly storage: Storage
  /** What the engine was given as its clock. */
  readonly clock: ManualClock
  /** For engines that outlive their process: closes this one and opens another on what it left. */
  readonly reopen?: () => Promise<Storage>
  /** For engines that several nodes share: one more connection to the same store. */
  readonly connect?: () => Promise<Storage>
  /** Runs when the test is over; closes everything and removes what is left. */
  readonly dispose?: () => Promise<void>
}

/** Makes an engine. */
export type StorageFactory = () => Promise<StorageFixture>

/** A client that exists without being registered. */
export const builtInClientId = 'first-party'

/**
 * A clock that stands still until it is turned.
 *
 * @param start in milliseconds since 1970
 */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let instant = start
  return {
    now: () => instant,
    advance(milliseconds) {
      instant += milliseconds
    },
  }
}

/** An engine for one test. */
export async function storageFor(factory: StorageFactory): Promise<StorageFixture> {
  const fixture = await factory()
  onTestFinished(async () => {
    await fixture.dispose?.()
  })
  return fixture
}
