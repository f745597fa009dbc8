import type { SignatureAlgorithm } from '@pawl/protocol'
import type { Random } from '../secrets/random.ts'
import type { ServerSecret } from '../secrets/server-secrets.ts'
import { testSecretId } from '../secrets/test-secret.ts'
import type { SecurityEvent } from '../security-events/security-event.ts'
import { type JwksDocument, jwksDocument } from './jwks-document.ts'
import type { KeyReading } from './key-reading.ts'
import { sealPrivateKey } from './key-sealing.ts'
import type { KeyStore } from './key-store.ts'
import { activeSigningKey, inSigningOrder, planRotation, type RotationSettings } from './rotation-schedule.ts'
import { generateSigningKey, type SigningPair, type VerifyingKey } from './signing-key.ts'

const rounds = 5

/** A key that was published, or was waiting already. */
export interface PublishedKey {
  readonly kid: string
  /** From when it signs, in milliseconds. */
  readonly activeFrom: number
  /** False: it was waiting for its time already, and nothing was added. */
  readonly added: boolean
}

/** Outcome of killing a key. */
export type KillOutcome =
  | { readonly outcome: 'unknown_key' }
  | {
      readonly outcome: 'killed'
      /** The fresh key that signs from now on, if the killed one did until now. */
      readonly replacement: string | undefined
    }

/** The signing half of the key ring. */
export interface SigningKeys {
  readonly signingKey: () => Promise<SigningPair>
  readonly verificationKey: (kid: string) => Promise<VerifyingKey | undefined>
  readonly jwks: () => Promise<JwksDocument>
  readonly followSchedule: () => Promise<void>
  readonly rotate: () => Promise<PublishedKey>
  readonly kill: (kid: string) => Promise<KillOutcome>
}

/** Signs, publishes, rotates and kills; see {@link createKeyRing} for the meaning of the options. */
export function createSigningKeys(options: {
  readonly store: KeyStore
  readonly read: () => Promise<KeyReading>
  readonly sealingSecret: ServerSecret
  readonly random: Random
  readonly algorithm: SignatureAlgorithm
  readonly settings: RotationSettings
}): SigningKeys {
  const { store, read, sealingSecret, random, algorithm, settings } = options

  /** Adds a key unless the store changed since the reading; then undefined, and the caller reads and decides again. */
  async function add(
    reading: KeyReading,
    key: { readonly now: number; readonly activeFrom: number; readonly actor: SecurityEvent['actor'] },
  ): Promise<PublishedKey | undefined> {
    const { now, activeFrom, actor } = key
    const { pair, pkcs8 } = await generateSigningKey(algorithm)
    const record = {
      kid: pair.kid,
      algorithm,
      publicJwk: JSON.stringify(pair.publicJwk),
      sealedPrivateKey: sealPrivateKey(pkcs8, pair.kid, sealingSecret, random),
      secretId: sealingSecret.id,
      createdAt: now,
      activeFrom,
    }
    pkcs8.fill(0)
    const event: SecurityEvent = {
      type: 'signing_key_added',
      at: now,
      actor,
      keyId: pair.kid,
      evidence: { activeFrom },
    }
    const added = await store.addSigningKey(record, reading.version, event)
    return added ? { kid: pair.kid, activeFrom, added } : undefined
  }

  async function untilDecided<Result>(attempt: (reading: KeyReading) => Promise<Result | undefined>): Promise<Result> {
    for (let round = 0; round < rounds; round += 1) {
      const result = await attempt(await read())
      if (result !== undefined) return result
    }
    throw new Error('the key store kept changing while a key was being added')
  }

  return {
    signingKey: async () => {
      const reading = await read()
      const openable = reading.signingKeys.filter((key) => key.pair !== undefined)
      const pair = activeSigningKey(openable, reading.now())?.pair
      if (pair === undefined) throw new Error('no signing key that this node can open')
      return pair
    },

    verificationKey: async (kid) => (await read()).signingKeys.find((key) => key.kid === kid)?.verifying,

    jwks: async () => {
      const ordered = inSigningOrder((await read()).signingKeys)
      return jwksDocument(
        ordered.flatMap(({ verifying, secretId }) =>
          verifying === undefined ? [] : [{ ...verifying, forTests: secretId === testSecretId }],
        ),
      )
    },

    followSchedule: async () => {
      await untilDecided(async (reading) => {
        const now = reading.now()
        const { create, remove } = planRotation(reading.signingKeys, now, settings, algorithm)
        for (const kid of remove) {
          await store.removeSigningKey(kid, { type: 'signing_key_removed', at: now, actor: 'server', keyId: kid })
        }
        // After a removal the reading is out of date and nothing is added: the next round does it.
        return create === undefined ? 'done' : await add(reading, { now, actor: 'server', ...create })
      })
    },

    rotate: () =>
      untilDecided(async (reading) => {
        const now = reading.now()
        const waiting = inSigningOrder(reading.signingKeys).find((key) => key.activeFrom > now)
        if (waiting !== undefined) return { kid: waiting.kid, activeFrom: waiting.activeFrom, added: false }
        const first = reading.signingKeys.length === 0
        return await add(reading, {
          now,
          actor: 'admin',
          activeFrom: first ? now : now + settings.publishAheadSeconds * 1000,
        })
      }),

    kill: async (kid) => {
      // The fresh key comes first: a process that dies between the two writes leaves a server that can sign.
      const fresh = await untilDecided(async (reading) => {
        const now = reading.now()
        if (activeSigningKey(reading.signingKeys, now)?.kid !== kid) return 'not_needed'
        return await add(reading, { now, actor: 'admin', activeFrom: now })
      })
      const at = (await read()).now()
      const killed = await store.killSigningKey(kid, { type: 'signing_key_killed', at, actor: 'admin', keyId: kid })
      return killed
        ? { outcome: 'killed', replacement: fresh === 'not_needed' ? undefined : fresh.kid }
        : { outcome: 'unknown_key' }
    },
  }
}
