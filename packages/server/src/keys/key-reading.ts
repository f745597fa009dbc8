import type { Clock } from '../secrets/random.ts'
import type { ServerSecret } from '../secrets/server-secrets.ts'
import { openPrivateKey } from './key-sealing.ts'
import type { KeyStore, RefreshKeyRecord, SigningKeyRecord } from './key-store.ts'
import { readPublicJwk } from './public-jwk.ts'
import { readSigningKey, readVerifyingKey, type SigningPair, type VerifyingKey } from './signing-key.ts'

/** A stored signing key, with as much of it as this node can use. */
export interface OpenedKey extends SigningKeyRecord {
  /** Present when the private half could be opened. */
  readonly pair: SigningPair | undefined
  /** Present when the key may be published and checked with; also without the private half, for other nodes sign with it. */
  readonly verifying: VerifyingKey | undefined
  /** Why the private half could not be opened. */
  readonly fault: 'wrong_secret' | 'corrupt' | undefined
}

/** All keys as of one version of the store. */
export interface KeyReading {
  readonly version: number
  /** The store's instant in milliseconds: as read, and moved on by the time that has passed here since. */
  readonly now: () => number
  readonly signingKeys: readonly OpenedKey[]
  readonly refreshKeys: readonly RefreshKeyRecord[]
}

/**
 * Reads the key store, opens the keys, and keeps them until the store's version moves: a change that another process made
 * is seen at the next use, and a private key is opened once.
 *
 * @param options.clock measures the time since a reading; the store's own instant is what it is added to
 */
export function createKeyReader(options: {
  readonly store: Pick<KeyStore, 'keysVersion' | 'readKeys'>
  readonly secrets: readonly ServerSecret[]
  readonly clock: Clock
}): () => Promise<KeyReading> {
  const { store, secrets, clock } = options
  let kept: KeyReading | undefined
  let underWay: { readonly version: number; readonly reading: Promise<KeyReading> } | undefined

  async function read(): Promise<KeyReading> {
    const known = new Map(kept?.signingKeys.map((key) => [key.kid, key]))
    const { version, now, signingKeys, refreshKeys } = await store.readKeys()
    const readAt = clock()
    const opened = signingKeys.map((record) => {
      const before = known.get(record.kid)
      return before?.pair === undefined ? openKey(record, secrets) : { ...before, ...record }
    })
    const reading = { version, now: () => now + Math.max(0, clock() - readAt), signingKeys: opened, refreshKeys }
    kept = reading
    return reading
  }

  return async () => {
    const version = await store.keysVersion()
    if (kept?.version === version) return kept
    if (underWay?.version === version) return await underWay.reading
    const started = { version, reading: read() }
    underWay = started
    try {
      return await started.reading
    } finally {
      if (underWay === started) underWay = undefined
    }
  }
}

function openKey(record: SigningKeyRecord, secrets: readonly ServerSecret[]): OpenedKey {
  const pkcs8 = openPrivateKey(record.sealedPrivateKey, record.kid, secrets)
  if (pkcs8 === 'corrupt') return { ...record, pair: undefined, verifying: undefined, fault: 'corrupt' }
  if (pkcs8 === 'wrong_secret')
    return { ...record, pair: undefined, verifying: readStoredPublicKey(record), fault: 'wrong_secret' }
  const pair = readSigningKey(pkcs8, record.algorithm)
  // The public half comes from the sealed private one, so that whoever writes to the store cannot exchange it.
  if (pair.kid !== record.kid) return { ...record, pair: undefined, verifying: undefined, fault: 'corrupt' }
  return { ...record, pair, verifying: pair, fault: undefined }
}

function readStoredPublicKey(record: SigningKeyRecord): VerifyingKey | undefined {
  const publicJwk = readPublicJwk(parseJson(record.publicJwk), record.algorithm)
  const key = publicJwk === undefined ? undefined : readVerifyingKey(publicJwk, record.algorithm)
  return key?.kid === record.kid ? key : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
