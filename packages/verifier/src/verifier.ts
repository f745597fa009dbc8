import { type AccessTokenClaims, cookieNames, parseCompactJws } from '@pawl/protocol'
import { findCredential, type RequestHead } from './bearer-credential.ts'
import { type ClaimsReading, readClaims } from './claims-check.ts'
import { readHeader } from './header-check.ts'
import { fetchKeySet } from './key-set.ts'
import { createKeySource, type KeySource } from './key-source.ts'
import { type AccessTokenRefusal, type Finding, refusalOf } from './refusal.ts'
import { judgeOrigin } from './request-origin.ts'
import { assertRequirement, findShortfall, type Requirement } from './requirement.ts'
import { readOptions, type VerifierOptions } from './verifier-options.ts'

/** What came of a verification. A refusal is a value: {@link Verifier.verify} does not reject because of a token. */
export type Verification =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  | { readonly ok: false; readonly refusal: AccessTokenRefusal }

/** What a route asks for. */
export interface VerifyOptions {
  readonly require?: Requirement
}

/** Checks access tokens for one API. */
export interface Verifier {
  /**
   * Verifies an access token, or finds and verifies the one that a request carries (RFC 9068 section 4, RFC 6750
   * section 2.1). The network is used only to fetch the issuer's keys, now and then.
   *
   * @param input a token, or a request: any fetch API `Request` will do
   * @throws TypeError only for a requirement that no token could meet because it is misspelled
   */
  verify(input: string | RequestHead, options?: VerifyOptions): Promise<Verification>
}

/** An issuer on the closed list, and where its keys come from. */
interface TrustedIssuer {
  readonly keys: KeySource
}

/**
 * Makes a verifier. Make one per API and keep it: it holds the issuer's keys.
 *
 * @throws TypeError if the options cannot be right; the message names the option
 * @example
 * const verifier = createVerifier({ issuer: 'https://id.example', audience: 'https://api.example' })
 * const verification = await verifier.verify(request, { require: { scope: ['notes:read'] } })
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const settings = readOptions(options)
  const { clock = Date.now, fetch = (url, init) => globalThis.fetch(url, init) } = options
  const issuers: ReadonlyMap<unknown, TrustedIssuer> = new Map([
    [
      settings.issuer,
      {
        keys: createKeySource({
          load: () => fetchKeySet(settings.jwksUri, fetch),
          clock,
          maxAgeMilliseconds: settings.keysMaxAgeSeconds * 1_000,
          staleIfErrorMilliseconds: settings.keysStaleIfErrorSeconds * 1_000,
        }),
      },
    ],
  ])
  const [realm] = settings.audience
  const cookieName = options.cookie ? cookieNames(settings.issuer.startsWith('https:')).access : undefined

  /** In the order of standards AT-4: form, type, algorithm, issuer, signature, claims. */
  const verifyToken = async (token: string): Promise<ClaimsReading> => {
    const refuse = (finding: Finding): ClaimsReading => ({ ok: false, finding })
    const jws = parseCompactJws(token)
    if (jws === undefined) return refuse({ reason: 'malformed' })
    const header = readHeader(jws.header, settings.algorithms)
    if (!header.ok) return refuse({ reason: header.reason })
    // A Map finds nothing for a name that objects inherit, and nothing for an `iss` that is no string.
    const issuer = issuers.get(jws.payload['iss'])
    if (issuer === undefined) return refuse({ reason: 'wrong_issuer' })
    const lookup = await issuer.keys.find(header.keyId)
    if (!lookup.ok) {
      const { ok: _, ...finding } = lookup
      return refuse(finding)
    }
    if (lookup.key.algorithm !== header.algorithm) return refuse({ reason: 'unsupported_algorithm' })
    if (!(await lookup.key.verify(jws.signingInput, jws.signature))) return refuse({ reason: 'bad_signature' })
    const { audience, clockSkewSeconds } = settings
    return readClaims(jws.payload, { audience, clockSkewSeconds, now: clock() })
  }

  const verifyRequest = async (request: RequestHead): Promise<ClaimsReading> => {
    const credential = findCredential(request, cookieName)
    if (credential.kind === 'refused') return { ok: false, finding: { reason: credential.reason } }
    const distrust = credential.source === 'cookie' ? judgeOrigin(request, settings.trustedOrigins) : undefined
    if (distrust !== undefined) return { ok: false, finding: { reason: distrust } }
    return verifyToken(credential.token)
  }

  return {
    async verify(input, { require = {} } = {}) {
      assertRequirement(require)
      const refuse = (finding: Finding): Verification => {
        return { ok: false, refusal: refusalOf(finding, realm, require.scope ?? []) }
      }
      const reading = typeof input === 'string' ? await verifyToken(input) : await verifyRequest(input)
      if (!reading.ok) return refuse(reading.finding)
      const shortfall = findShortfall(reading.claims, require)
      return shortfall === undefined ? reading : refuse({ reason: shortfall })
    },
  }
}
