import { encodeBase64url } from '@pawl/protocol'
import { createVerifier, type Verifier, type VerifierOptions } from '../src/index.ts'

export const issuer = 'https://id.example'
export const audience = 'https://api.example'

/** A JSON object that a test may twist. */
export type Members = Readonly<Record<string, unknown>>

/** A key pair of an issuer, with the JWK that it publishes. */
export interface TestKey {
  readonly algorithm: 'ES256' | 'Ed25519' | 'RS256'
  readonly kid: string
  readonly jwk: Members
  readonly publicKey: CryptoKey
  sign(input: string): Promise<Uint8Array<ArrayBuffer>>
}

const parameters = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  Ed25519: { name: 'Ed25519' },
  RS256: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
}

export async function createKey(algorithm: TestKey['algorithm'], kid: string): Promise<TestKey> {
  const pair = await crypto.subtle.generateKey(parameters[algorithm], true, ['sign', 'verify'])
  if (!('publicKey' in pair)) throw new Error('no key pair')
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)
  return {
    algorithm,
    kid,
    jwk: { ...Object.fromEntries(members), kid, use: 'sig', alg: algorithm },
    publicKey: pair.publicKey,
    async sign(input) {
      const bytes = new TextEncoder().encode(input)
      return new Uint8Array(await crypto.subtle.sign(parameters[algorithm], pair.privateKey, bytes))
    },
  }
}

export function encodeText(text: string): string {
  return encodeBase64url(new TextEncoder().encode(text))
}

/** Signs two texts, JSON or not. */
export async function signTexts(header: string, payload: string, key: TestKey): Promise<string> {
  const input = `${encodeText(header)}.${encodeText(payload)}`
  return `${input}.${encodeBase64url(await key.sign(input))}`
}

/** An issuer with one ES256 key that stands still in time, and a verifier that trusts it. */
export interface IssuerFixture {
  readonly key: TestKey
  readonly verifier: Verifier
  /** Claims of a good token. */
  readonly claims: Members
  /** Header of a good token. */
  readonly header: Members
  /** Milliseconds; tests move it. */
  now: number
  /** What the key set endpoint publishes; tests replace it. */
  keys: readonly Members[]
  fetches: number
  /** Signs a good token, but for the changes; `undefined` leaves a member out. */
  token(changes?: { readonly header?: Members; readonly claims?: Members; readonly key?: TestKey }): Promise<string>
  createVerifier(options?: Partial<VerifierOptions>): Verifier
}

const es256 = await createKey('ES256', 'key-1')

export function createIssuer(options: Partial<VerifierOptions> = {}, key: TestKey = es256): IssuerFixture {
  const start = Date.UTC(2026, 10, 21, 12)
  const seconds = start / 1000
  const claims = {
    iss: issuer,
    sub: 'user-1',
    aud: audience,
    exp: seconds + 900,
    iat: seconds,
    jti: 'token-1',
    client_id: 'first-party',
    scope: 'notes:read notes:write',
    sid: 'session-1',
    roles: ['author', 'reader'],
  }
  const header = { alg: key.algorithm, typ: 'at+jwt', kid: key.kid }
  const make = (more: Partial<VerifierOptions> = {}): Verifier =>
    createVerifier({
      issuer,
      audience,
      clock: () => fixture.now,
      fetch: async () => {
        fixture.fetches += 1
        return Response.json({ keys: fixture.keys })
      },
      ...options,
      ...more,
    })
  const fixture: IssuerFixture = {
    key,
    claims,
    header,
    now: start,
    keys: [key.jwk],
    fetches: 0,
    createVerifier: make,
    async token(changes = {}) {
      const signer = changes.key ?? key
      const own = { alg: signer.algorithm, kid: signer.kid }
      return signTexts(
        JSON.stringify({ ...header, ...own, ...changes.header }),
        JSON.stringify({ ...claims, ...changes.claims }),
        signer,
      )
    },
    get verifier() {
      return verifier
    },
  }
  const verifier = make()
  return fixture
}

/** The reason for which a token or request is refused; `accepted` if it is not. */
export async function reasonOf(verifier: Verifier, input: string | Request): Promise<string> {
  const verification = await verifier.verify(input)
  return verification.ok ? 'accepted' : verification.refusal.reason
}
