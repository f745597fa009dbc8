import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import { type Accounts, createAccounts } from '../../src/users/accounts.ts'
import type { Authenticate } from '../../src/users/external-user.ts'
import {
  createPasswordHashing,
  type PasswordHashing,
  type PasswordHashParameters,
} from '../../src/users/password-hash.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

/** Cheap, for tests that are not about the cost. */
export const lowCost: PasswordHashParameters = { memoryKibibytes: 64, passes: 1, lanes: 1 }

/** How often passwords were hashed and verified. */
export interface CountedHashing extends PasswordHashing {
  readonly counts: { hash: number; verify: number }
}

export function countedHashing(parameters: PasswordHashParameters = lowCost): CountedHashing {
  const hashing = createPasswordHashing({ random: seededRandom('salts'), parameters })
  const counts = { hash: 0, verify: 0 }
  return {
    counts,
    needsRehash: hashing.needsRehash,
    hash: (password) => {
      counts.hash += 1
      return hashing.hash(password)
    },
    verify: (password, phc) => {
      counts.verify += 1
      return hashing.verify(password, phc)
    },
  }
}

/** Accounts on a store in memory. */
export function accountsOn(
  options: {
    readonly storage?: Storage
    readonly hashing?: PasswordHashing
    readonly authenticate?: Authenticate
  } = {},
): { readonly accounts: Accounts; readonly storage: Storage } {
  const storage = options.storage ?? memoryStorage({ clock: () => 1_800_000_000_000 })
  const accounts = createAccounts({
    store: storage,
    now: () => storage.storeNow(),
    hashing: options.hashing ?? countedHashing(),
    random: seededRandom('ids'),
    ...(options.authenticate !== undefined && { authenticate: options.authenticate }),
  })
  return { accounts, storage }
}
