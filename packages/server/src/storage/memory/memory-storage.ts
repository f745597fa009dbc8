import type { Clock } from '../../secrets/random.ts'
import type { Storage } from '../store-ports.ts'
import { memoryClients } from './clients.ts'
import { memoryConsents } from './consents.ts'
import { memoryEvents } from './events.ts'
import { memoryFailures } from './failures.ts'
import { memoryKeys } from './keys.ts'
import { memoryLostWrites } from './lost-writes.ts'
import { memoryRevocations } from './revocations.ts'
import { memorySessions } from './sessions.ts'
import { emptyState } from './state.ts'
import { memoryTickets } from './tickets.ts'
import { memoryUsers } from './users.ts'

/** What the memory engine is given. */
export interface MemoryStorageOptions {
  /** The store's clock. */
  readonly clock: Clock
}

/** An engine for tests: passes the contract that every engine passes, keeps nothing when the process ends. */
export function memoryStorage(options: MemoryStorageOptions): Storage {
  const state = emptyState(options.clock)
  return {
    engine: 'memory',
    compareAndSet: 'linearizable',
    async open() {},
    async storeNow() {
      return state.clock()
    },
    async findDamage() {
      return []
    },
    async diagnose() {
      return { facts: ['everything is kept in memory and gone when the process ends'], warnings: [] }
    },
    async close() {},
    ...memorySessions(state),
    ...memoryLostWrites(state),
    ...memoryUsers(state),
    ...memoryClients(state),
    ...memoryKeys(state),
    ...memoryEvents(state),
    ...memoryFailures(state),
    ...memoryRevocations(state),
    ...memoryTickets(state),
    ...memoryConsents(state),
  }
}
