import { describe } from 'vitest'
import { agreementContract } from './agreement.ts'
import { clientContract } from './clients.ts'
import { consentContract } from './consents.ts'
import { eventContract } from './events.ts'
import { failureContract } from './failures.ts'
import type { StorageFactory } from './fixture.ts'
import { keyContract } from './keys.ts'
import { lostWritesContract } from './lost-writes.ts'
import { revocationOrderContract } from './revocation-order.ts'
import { revocationContract } from './revocations.ts'
import { sessionListContract } from './session-lists.ts'
import { sessionRaceContract } from './session-races.ts'
import { sessionContract } from './sessions.ts'
import { ticketContract } from './tickets.ts'
import { userContract } from './users.ts'

/**
 * What every engine must do, as tests for Vitest: call it from a test file of the engine.
 *
 * @param name of the engine, for the report
 * @param factory makes a new, empty, opened engine for each test
 * @param histories how many random histories are played on it and on the memory engine; default 60
 */
export function storageContract(name: string, factory: StorageFactory, histories = 60): void {
  describe(`${name} keeps the storage contract`, () => {
    describe('sessions', () => {
      sessionContract(factory)
      sessionRaceContract(factory)
      sessionListContract(factory)
    })
    describe('users', () => userContract(factory))
    describe('clients', () => clientContract(factory))
    describe('keys', () => keyContract(factory))
    describe('events', () => eventContract(factory))
    describe('lost writes', () => lostWritesContract(factory))
    describe('revocations', () => {
      revocationContract(factory)
      revocationOrderContract(factory)
    })
    describe('tickets', () => ticketContract(factory))
    describe('consents', () => consentContract(factory))
    describe('failures', () => failureContract(factory))
    describe('agreement', () => agreementContract(factory, histories))
  })
}
