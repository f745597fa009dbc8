import {
  type AccessTokenClaims,
  accessTokenType,
  encodeBase64url,
  parseCompactJws,
  type RefusalReason,
} from '@pawl/protocol'
import type { Random } from '../secrets/random.ts'
import type { SigningKey, TokenSigner } from './token-signer.ts'

/** Everything of an access token but the instant and the number it gets when it is minted. */
export interface AccessTokenPlan {
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  /** At least one resource. */
  readonly audience: readonly string[]
  readonly scope: readonly string[]
  /** The session, its sign-in and its user; absent from `client_credentials` tokens. */
  readonly session?: {
    readonly id: string
    /** Milliseconds since 1970. */
    readonly authenticatedAt: number
    readonly acr: string | null
    readonly amr: readonly string[]
    readonly roles: readonly string[]
    readonly binding: string | null
  }
  /** `act`: who acts for the subject, and who did before (RFC 8693 section 4.1). */
  readonly actor?: Readonly<Record<string, unknown>>
  /** The application's own claims; reserved names were refused before. */
  readonly application: Readonly<Record<string, unknown>>
}

const jtiBytes = 16

/** Claims of RFC 9068 section 2.2, in a fixed order. */
function claimsOf(plan: AccessTokenPlan, issuedAt: number, exp: number, jti: string): AccessTokenClaims {
  const [first] = plan.audience
  const session = plan.session
  return {
    ...plan.application,
    iss: plan.issuer,
    sub: plan.subject,
    aud: plan.audience.length === 1 && first !== undefined ? first : plan.audience,
    exp,
    iat: Math.floor(issuedAt / 1000),
    iat_ms: issuedAt % 1000,
    jti,
    client_id: plan.clientId,
    ...(plan.scope.length > 0 && { scope: plan.scope.join(' ') }),
    ...(plan.actor !== undefined && { act: plan.actor }),
    ...(session !== undefined && {
      sid: session.id,
      auth_time: Math.floor(session.authenticatedAt / 1000),
      ...(session.acr !== null && { acr: session.acr }),
      ...(session.amr.length > 0 && { amr: session.amr }),
      ...(plan.application['roles'] === undefined && { roles: session.roles }),
      ...confirmation(session.binding),
    }),
  }
}

function confirmation(binding: string | null): { cnf?: AccessTokenClaims['cnf'] & object } {
  if (binding === null) return {}
  const separator = binding.indexOf(':')
  const thumbprint = binding.slice(separator + 1)
  return { cnf: binding.slice(0, separator) === 'jkt' ? { jkt: thumbprint } : { 'x5t#S256': thumbprint } }
}

function signingInput(key: SigningKey, claims: AccessTokenClaims): string {
  const header = { alg: key.algorithm, typ: accessTokenType, kid: key.kid }
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode(header)}.${encode(claims)}`
}

/**
 * Length in characters of the token that {@link mintAccessToken} will make, or up to three more: all that is not known
 * before is of fixed width, but for the digits of the milliseconds.
 */
export function accessTokenLength(plan: AccessTokenPlan, key: SigningKey): number {
  const jti = encodeBase64url(new Uint8Array(jtiBytes))
  const anySecond = 1_000_000_000
  const unsigned = signingInput(key, claimsOf(plan, anySecond * 1000 + 999, anySecond, jti))
  return unsigned.length + 1 + Math.ceil((key.signatureBytes * 4) / 3)
}

/**
 * Signs an access token (RFC 9068).
 *
 * @param now the store's instant of the decision, in milliseconds; never the instant of signing (finding F6). It goes
 *   into the token whole, for revocations say up to which instant they hold
 * @param exp whole seconds since 1970
 */
export function mintAccessToken(
  plan: AccessTokenPlan,
  key: SigningKey,
  now: number,
  exp: number,
  random: Random,
): string {
  const jti = encodeBase64url(random(jtiBytes))
  const unsigned = signingInput(key, claimsOf(plan, now, exp, jti))
  return `${unsigned}.${Buffer.from(key.sign(unsigned)).toString('base64url')}`
}

/** A token that is ours and undamaged; whether it is still good is for {@link judgeLifetime} and its session to say. */
export type SignatureCheck =
  | { readonly kind: 'signed'; readonly claims: AccessTokenClaims; readonly kid: string }
  | { readonly kind: 'refused'; readonly reason: RefusalReason }

/** Checks form, kind, key, signature and issuer of an access token of this server (standards AT-4, JW-1 to JW-7). */
export async function checkSignature(token: string, issuer: string, signer: TokenSigner): Promise<SignatureCheck> {
  const jws = parseCompactJws(token)
  if (jws === undefined) return { kind: 'refused', reason: 'malformed' }
  const { header, payload } = jws
  if (header['typ'] !== accessTokenType || header['crit'] !== undefined)
    return { kind: 'refused', reason: 'wrong_type' }
  const kid = header['kid']
  const key = typeof kid === 'string' ? await signer.verificationKey(kid) : undefined
  if (key === undefined) return { kind: 'refused', reason: 'unknown_key' }
  if (header['alg'] !== key.algorithm) return { kind: 'refused', reason: 'unsupported_algorithm' }
  if (!key.verify(jws.signingInput, jws.signature)) return { kind: 'refused', reason: 'bad_signature' }
  if (!isAccessTokenClaims(payload)) return { kind: 'refused', reason: 'malformed' }
  if (payload.iss !== issuer) return { kind: 'refused', reason: 'wrong_issuer' }
  return { kind: 'signed', claims: payload, kid: key.kid }
}

/** Whether a token is inside its lifetime at `now` (milliseconds): the last second is not part of it. */
export function judgeLifetime(claims: AccessTokenClaims, now: number): RefusalReason | undefined {
  return claims.exp * 1000 <= now ? 'expired' : undefined
}

/** When a token was issued, in milliseconds since 1970: the store's instant of the decision. */
export function issuedAt({ iat, iat_ms = 0 }: AccessTokenClaims): number {
  return iat * 1000 + iat_ms
}

/** The resources a token is for. */
export function audienceOf(claims: AccessTokenClaims): readonly string[] {
  return typeof claims.aud === 'string' ? [claims.aud] : claims.aud
}

/** We signed it, so it is ours; yet parse, don't cast. */
function isAccessTokenClaims(payload: Readonly<Record<string, unknown>>): payload is AccessTokenClaims {
  const texts = ['iss', 'sub', 'jti', 'client_id'].every((name) => typeof payload[name] === 'string')
  const times = ['exp', 'iat'].every((name) => Number.isFinite(payload[name]))
  const { aud, sid, iat_ms = 0 } = payload
  const audience = typeof aud === 'string' || (Array.isArray(aud) && aud.every((entry) => typeof entry === 'string'))
  return texts && times && Number.isFinite(iat_ms) && audience && (sid === undefined || typeof sid === 'string')
}
