import { parseCompactJws } from '@pawl/protocol'
import type { SigningKey, TokenSigner } from './token-signer.ts'

/** What an id token tells its client (OpenID Connect Core section 2). */
export interface IdTokenPlan {
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  readonly sessionId: string
  readonly nonce: string | undefined
  /** Milliseconds since 1970. */
  readonly authenticatedAt: number
  readonly acr: string | null
  readonly amr: readonly string[]
  /** Claims about the user beside these. */
  readonly about: Readonly<Record<string, unknown>>
}

/**
 * Signs an id token. It is for the client alone: its type keeps every API from taking it for an access token.
 *
 * @param now the store's instant of the decision, in milliseconds
 * @param exp whole seconds since 1970
 */
export function mintIdToken(plan: IdTokenPlan, key: SigningKey, now: number, exp: number): string {
  const header = { alg: key.algorithm, typ: 'JWT', kid: key.kid }
  const claims = {
    ...plan.about,
    iss: plan.issuer,
    sub: plan.subject,
    aud: plan.clientId,
    exp,
    iat: Math.floor(now / 1000),
    auth_time: Math.floor(plan.authenticatedAt / 1000),
    ...(plan.nonce !== undefined && { nonce: plan.nonce }),
    ...(plan.acr !== null && { acr: plan.acr }),
    ...(plan.amr.length > 0 && { amr: plan.amr }),
    sid: plan.sessionId,
  }
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const unsigned = `${encode(header)}.${encode(claims)}`
  return `${unsigned}.${Buffer.from(key.sign(unsigned)).toString('base64url')}`
}

/** What an id token of this server says, as far as signing out needs it. */
export interface IdTokenClaims {
  readonly sub: string
  readonly aud: string
  readonly sid: string
}

/**
 * Reads an id token of this server (OpenID Connect RP-Initiated Logout section 2). That it has expired does not matter:
 * it only says whose session is meant. Undefined: it is none.
 */
export async function readIdToken(
  token: string,
  issuer: string,
  signer: TokenSigner,
): Promise<IdTokenClaims | undefined> {
  const jws = parseCompactJws(token)
  const kid = jws?.header['kid']
  if (jws?.header['typ'] !== 'JWT' || jws.header['crit'] !== undefined || typeof kid !== 'string') return undefined
  const key = await signer.verificationKey(kid)
  if (key === undefined || jws.header['alg'] !== key.algorithm || !key.verify(jws.signingInput, jws.signature)) {
    return undefined
  }
  const { iss, sub, aud, sid } = jws.payload
  const whole = iss === issuer && typeof sub === 'string' && typeof aud === 'string' && typeof sid === 'string'
  return whole ? { sub, aud, sid } : undefined
}
