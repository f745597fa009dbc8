import { hkdfSync } from 'node:crypto'
import type { Random } from './random.ts'

const secretBytes = 32
const derivedBytes = 32
const idBytes = 8
const distinctBytesOfStrongSecret = 16

/**
 * One of the server's secrets. Its bytes live in the closure of `derive` only: whoever logs, copies or serialises this
 * object shows the id and nothing else.
 */
export interface ServerSecret {
  /** 11 base64url characters (8 bytes), computed from the secret; not secret itself, and the same wherever the secret is used. */
  readonly id: string
  /** 32 bytes for one purpose (HKDF-SHA-256, RFC 5869, the label being its `info`). Equal labels give equal bytes. */
  readonly derive: (label: string) => Uint8Array
}

/** What can be wrong with one entry of `PAWL_SECRETS`. */
export type SecretProblem = 'empty' | 'not_base64url' | 'too_short' | 'duplicate'

/** A refused entry. Says where it stands and what is wrong, never what it holds. */
export interface SecretRefusal {
  /** Place in the list, counted from 1. */
  readonly position: number
  readonly problem: SecretProblem
  /** The problem and its fix as a sentence. */
  readonly message: string
}

/** Outcome of {@link parseServerSecrets}. */
export type ServerSecretsOutcome =
  | {
      readonly ok: true
      /** Newest first; at least one. */
      readonly secrets: readonly [ServerSecret, ...ServerSecret[]]
      /** Places (from 1) of secrets too uniform to be random: production refuses them. */
      readonly weakPositions: readonly number[]
    }
  | { readonly ok: false; readonly refusals: readonly SecretRefusal[] }

/**
 * Reads `PAWL_SECRETS`: entries separated by commas, newest first, each base64url without padding of 32 or more bytes.
 * Strict: no spaces, no padding, no empty or repeated entry.
 */
export function parseServerSecrets(text: string): ServerSecretsOutcome {
  const secrets: ServerSecret[] = []
  const refusals: SecretRefusal[] = []
  const weakPositions: number[] = []
  for (const [index, entry] of text.split(',').entries()) {
    const position = index + 1
    const read = readEntry(entry)
    const secret = typeof read === 'string' ? undefined : createServerSecret(read)
    const problem =
      typeof read === 'string' ? read : secrets.some((other) => other.id === secret?.id) ? 'duplicate' : undefined
    if (problem !== undefined) refusals.push({ position, problem, message: describeProblem(problem, position) })
    else if (secret !== undefined && typeof read !== 'string') {
      secrets.push(secret)
      if (isWeak(read)) weakPositions.push(position)
    }
  }
  const [newest, ...older] = secrets
  if (refusals.length > 0 || newest === undefined) return { ok: false, refusals }
  return { ok: true, secrets: [newest, ...older], weakPositions }
}

/** A new secret as an entry for `PAWL_SECRETS`: 32 random bytes as 43 base64url characters. */
export function generateSecret(random: Random): string {
  return Buffer.from(random(secretBytes)).toString('base64url')
}

function createServerSecret(bytes: Uint8Array): ServerSecret {
  const expand = (label: string, length: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', bytes, '', `pawl ${label}`, length))
  return Object.freeze({
    id: Buffer.from(expand('secret id', idBytes)).toString('base64url'),
    derive: (label: string): Uint8Array => expand(`key for ${label}`, derivedBytes),
  })
}

function readEntry(entry: string): Uint8Array | SecretProblem {
  if (entry === '') return 'empty'
  const bytes = Buffer.from(entry, 'base64url')
  // Buffer skips what it cannot read; only an entry that comes back unchanged is base64url.
  if (bytes.toString('base64url') !== entry) return 'not_base64url'
  return bytes.length < secretBytes ? 'too_short' : new Uint8Array(bytes)
}

function isWeak(bytes: Uint8Array): boolean {
  return new Set(bytes).size < distinctBytesOfStrongSecret
}

function describeProblem(problem: SecretProblem, position: number): string {
  switch (problem) {
    case 'empty':
      return `Secret ${position} is empty. Separate the secrets by single commas, without one at the end.`
    case 'not_base64url':
      return `Secret ${position} is not base64url (A-Z a-z 0-9 - _, no padding, no spaces).`
    case 'too_short':
      return `Secret ${position} holds fewer than ${secretBytes} bytes. Use at least 43 base64url characters of random data.`
    case 'duplicate':
      return `Secret ${position} stands in the list already. Remove one of the two.`
  }
}
