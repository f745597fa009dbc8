import type { SignatureAlgorithm } from '@pawl/protocol'
import { createKeyRing, type KeyRing } from '../../src/keys/key-ring.ts'
import type { RotationSettings } from '../../src/keys/rotation-schedule.ts'
import { generateSecret, parseServerSecrets, type ServerSecret } from '../../src/secrets/server-secrets.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

export const minute: number = 60_000
export const hour: number = 60 * minute
export const day: number = 24 * hour

export const older: ServerSecret = serverSecret('older')
export const newer: ServerSecret = serverSecret('newer')

function serverSecret(seed: string): ServerSecret {
  const outcome = parseServerSecrets(generateSecret(seededRandom(seed)))
  if (!outcome.ok) throw new Error('a generated secret was refused')
  return outcome.secrets[0]
}

/** 90 days of signing, published 10 minutes ahead, kept 20 minutes after. */
export const quickSettings: RotationSettings = {
  rotateEverySeconds: (90 * day) / 1000,
  publishAheadSeconds: (10 * minute) / 1000,
  retireAfterSeconds: (20 * minute) / 1000,
}

/** A store with a clock to turn, and as many nodes on it as a test wants. */
export interface Installation {
  readonly storage: Storage
  now(): number
  pass(milliseconds: number): void
  node(options?: {
    readonly secrets?: readonly [ServerSecret, ...ServerSecret[]]
    readonly algorithm?: SignatureAlgorithm
    readonly settings?: RotationSettings
  }): KeyRing
}

export function installation(start: number = Date.UTC(2026, 0, 1)): Installation {
  let now = start
  const clock = (): number => now
  const storage = memoryStorage({ clock })
  return {
    storage,
    now: clock,
    pass: (milliseconds) => {
      now += milliseconds
    },
    node: (options = {}) =>
      createKeyRing({
        store: storage,
        secrets: options.secrets ?? [older],
        // A node's own clock shows some other time: only its pace matters.
        clock: () => now - 7 * day,
        random: seededRandom('nonces'),
        algorithm: options.algorithm ?? 'ES256',
        settings: options.settings ?? quickSettings,
      }),
  }
}
