import { type AccessTokenClaims, cookieNames, type StandardSchema } from '@pawl/protocol'
import { findCredential, type RequestHead } from './bearer-credential.ts'
import type { ClaimsReading } from './claims-check.ts'
import { applySchema } from './claims-schema.ts'
import { type AccessTokenRefusal, type Finding, refusalOf } from './refusal.ts'
import { judgeOrigin } from './request-origin.ts'
import { assertVerifyOptions, findShortfall, type VerifyOptions } from './requirement.ts'
import type { ProtectedResourceMetadata } from './resource-metadata.ts'
import type { FeedReport } from './revocation-source.ts'
import { createTokenCheck } from './token-check.ts'
import { createTrustedIssuer, type Surroundings, type TrustedIssuer } from './trusted-issuer.ts'
import { readOptions, readUrl, type VerifierOptions } from './verifier-options.ts'

/** What came of a verification. A refusal is a value: {@link Verifier.verify} does not reject because of a token. */
export type Verification<Claims extends AccessTokenClaims = AccessTokenClaims> =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly refusal: AccessTokenRefusal }

/** Checks access tokens for one API. `Claims`: what a good token says, the application's own claims included. */
export interface Verifier<Claims extends AccessTokenClaims = AccessTokenClaims> {
  /**
   * Verifies an access token, or finds and verifies the one that a request carries (RFC 9068 section 4, RFC 6750
   * section 2.1). The network is used only to fetch the issuer's keys and revocations, now and then. The claims are
   * frozen, for they are the same objects each time that the token is shown.
   *
   * @param input a token, or a request: any fetch API `Request` will do
   * @throws TypeError only for options that no token could meet because they are misspelled
   */
  verify(input: string | RequestHead, options?: VerifyOptions): Promise<Verification<Claims>>
  /** How things stand with revocations; of several issuers that have a feed, with the one that lags most. */
  readonly feed: FeedReport
  /** How this API describes itself, as the option of that name says. */
  readonly resourceMetadata: ProtectedResourceMetadata | undefined
  /**
   * Resolves once the fetches that requests have begun beside them are over, at once when there are none: for runtimes
   * that stop work with the reply (`waitUntil`). Never rejects.
   */
  settled(): Promise<void>
  /** Ends the connections to revocation feeds. The verifier goes on with what it knows, and grows stale. */
  close(): void
}

const noFeed: FeedReport = { state: 'off', lagMilliseconds: 0, entries: 0, bytesEstimate: 0 }

/**
 * Makes a verifier that checks the application's own claims with a schema, and gives them its type.
 *
 * @throws TypeError if the options cannot be right; the message names the option
 */
export function createVerifier<Own extends object>(
  options: VerifierOptions<Own> & { readonly claims: StandardSchema<Own> },
): Verifier<AccessTokenClaims & Own>
/**
 * Makes a verifier. Make one per API and keep it: it holds the issuer's keys and revocations.
 *
 * @throws TypeError if the options cannot be right; the message names the option
 * @example
 * const verifier = createVerifier({ issuer: 'https://id.example', audience: 'https://api.example' })
 * const verification = await verifier.verify(request, { require: { scope: ['notes:read'] } })
 */
export function createVerifier(options: VerifierOptions): Verifier
/** Both of them. */
export function createVerifier<Own extends object>(
  options: VerifierOptions<Own>,
): Verifier<AccessTokenClaims & Own> | Verifier {
  const { claims: schema } = options
  if (schema === undefined) return assemble(options, (claims) => ({ ok: true, claims }))
  return assemble(options, (claims) => applySchema(claims, schema))
}

function assemble<Claims extends AccessTokenClaims>(
  options: VerifierOptions,
  readOwn: (claims: AccessTokenClaims) => ClaimsReading<Claims>,
): Verifier<Claims> {
  const settings = readOptions(options)
  const { clock = Date.now, fetch = (url, init) => globalThis.fetch(url, init) } = options
  const surroundings: Surroundings = {
    clock,
    fetch,
    elapsed: options.clock ?? (() => performance.now()),
    random: Math.random,
    assertUrl: (name, url) => readUrl(name, url, options.dangerouslyAllowHttp),
  }
  const issuers = new Map<string, TrustedIssuer>()
  const close = () => {
    for (const { feed } of issuers.values()) feed?.close()
  }
  try {
    for (const each of settings.issuers) issuers.set(each.issuer, createTrustedIssuer(each, settings, surroundings))
  } catch (error) {
    // A feed of an issuer before this one may be connected already.
    close()
    throw error
  }
  const trusted = [...issuers.values()]
  const tokens = createTokenCheck({ issuers, settings, readOwn, clock })
  const { audience, issuer } = settings.issuers[0]
  const [realm] = audience
  const { resourceMetadata } = options
  const cookieName = options.cookie ? cookieNames(issuer.startsWith('https:')).access : undefined

  const skewedClock = () => clock() / 1_000 - settings.clockSkewSeconds

  /** The token that a request carries, or why there is none to look at. */
  const findToken = (request: RequestHead): string | Finding => {
    const credential = findCredential(request, cookieName)
    if ('reason' in credential) return credential
    const reason = credential.source === 'cookie' ? judgeOrigin(request, settings.trustedOrigins) : undefined
    return reason === undefined ? credential.token : { reason }
  }

  return {
    async verify(input, verifyOptions = {}) {
      assertVerifyOptions(verifyOptions)
      const { require = {}, whenStale = settings.whenStale } = verifyOptions
      const refuse = (finding: Finding): Verification<Claims> => {
        return { ok: false, refusal: refusalOf(finding, { realm, require, resourceMetadata: resourceMetadata?.url }) }
      }
      const token = typeof input === 'string' ? input : findToken(input)
      if (typeof token !== 'string') return refuse(token)
      const checking = tokens.check(token, whenStale)
      const reading = checking instanceof Promise ? await checking : checking
      if ('reason' in reading) return refuse(reading)
      const reason = findShortfall(reading.claims, require, skewedClock)
      return reason === undefined ? reading : refuse({ reason })
    },
    get feed() {
      return trusted
        .flatMap(({ feed }) => feed?.report() ?? [])
        .reduce((worst, report) => (report.lagMilliseconds < worst.lagMilliseconds ? worst : report), noFeed)
    },
    resourceMetadata,
    async settled() {
      await Promise.all(trusted.flatMap(({ feed, keys }) => [feed?.settled(), keys.settled()]))
    },
    close,
  }
}
