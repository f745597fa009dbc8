import type { Refusal } from '@pawl/protocol'
import { type AccessCheck, checkAccessToken } from '../../tokens/check-access-token.ts'
import { recogniseRefreshToken } from '../../tokens/end-session.ts'
import { type PresentedRefreshToken, parseRefreshToken } from '../../tokens/refresh-token.ts'
import { sessionEnd } from '../../tokens/session.ts'
import { challenge, type PawlContext } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { type RequestCookies, readCookies } from './session-cookies.ts'

/** `Authorization: Bearer <token68>`, the scheme in any case (standards BR-1). */
const bearerForm = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** An access token as a request presents it; several where the jar holds several. */
export type PresentedAccess =
  | { readonly kind: 'tokens'; readonly tokens: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed' }

/** The bearer token of the Authorization header. */
export function presentedBearer(context: PawlContext): PresentedAccess {
  const header = context.req.header('authorization')
  if (header === undefined) return { kind: 'none' }
  const token = bearerForm.exec(header)?.[1]
  return token === undefined ? { kind: 'malformed' } : { kind: 'tokens', tokens: [token] }
}

/** {@link presentedBearer}; without that header, the access cookies. */
export function presentedAccess(context: PawlContext, cookies: RequestCookies): PresentedAccess {
  const bearer = presentedBearer(context)
  if (bearer.kind !== 'none' || cookies.access.length === 0) return bearer
  return { kind: 'tokens', tokens: cookies.access }
}

/** Of several tokens the newest that is good; otherwise why the first is not (T15.3). */
async function checkNewest(presented: readonly string[], services: Services): Promise<AccessCheck> {
  const { settings, tokens } = services
  const audience = [settings.audience, settings.issuer]
  const checks = await Promise.all(
    presented.map((token) => checkAccessToken(token, { issuer: settings.issuer, audience }, tokens)),
  )
  const active = checks.filter((check) => check.kind === 'active')
  const [newest] = active.sort((one, other) => other.claims.iat - one.claims.iat)
  return newest ?? checks[0] ?? { kind: 'refused', reason: 'malformed' }
}

/** A user who is there with a live session, or the answer that says otherwise. */
export type SignedIn =
  | {
      readonly kind: 'signed-in'
      readonly standing: NonNullable<(AccessCheck & { kind: 'active' })['standing']>
      readonly now: number
    }
  | { readonly kind: 'answered'; readonly response: Response }

/**
 * Asks for a live session by access token.
 *
 * @param ownClientOnly whether a token of another client than the first party is refused: managing an account is not for
 *   whoever holds some token of the user
 */
export async function requireSession(
  context: PawlContext,
  services: Services,
  ownClientOnly: boolean,
): Promise<SignedIn> {
  const { settings, cookies: plan } = services
  const realm = settings.issuer
  const answered = (refusal: Refusal): SignedIn => ({ kind: 'answered', response: challenge(context, realm, refusal) })
  const access = presentedAccess(context, readCookies(context.req.header('cookie'), plan))
  if (access.kind === 'none') return answered({ error: 'authentication_required' })
  if (access.kind === 'malformed') return answered({ error: 'invalid_token', reason: 'malformed' })
  const check = await checkNewest(access.tokens, services)
  if (check.kind === 'refused') return answered({ error: 'invalid_token', reason: check.reason })
  if (check.standing === undefined || (ownClientOnly && !services.ownClients.has(check.standing.session.clientId))) {
    return answered({ error: 'insufficient_scope' })
  }
  return { kind: 'signed-in', standing: check.standing, now: check.now }
}

/** Each one costs a read; no honest jar holds more of our cookies than a scope or two of before. */
const mostLeftovers = 8

/**
 * The refresh token of the jar. Where the jar holds several, the live one that was used last wins, so that a leftover of
 * an older scope does no harm (T15.3).
 */
export async function refreshTokenOfJar(
  cookies: RequestCookies,
  services: Services,
): Promise<PresentedRefreshToken | undefined> {
  const presented = cookies.refresh
    .slice(0, mostLeftovers)
    .map(parseRefreshToken)
    .filter((token) => token !== undefined)
  if (presented.length < 2) return presented[0]
  const recognised = await Promise.all(
    presented.map(async (token) => ({ token, found: await recogniseRefreshToken(token, services.tokens) })),
  )
  const live = recognised.flatMap(({ token, found }) =>
    found.kind === 'recognised' && found.session.revokedAt === null && sessionEnd(found.session) > found.now
      ? [{ token, lastUsedAt: found.session.lastUsedAt }]
      : [],
  )
  live.sort((one, other) => other.lastUsedAt - one.lastUsedAt || other.token.generation - one.token.generation)
  return live[0]?.token ?? presented[0]
}
