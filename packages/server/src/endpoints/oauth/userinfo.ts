import { userClaims } from '../../grants/user-claims.ts'
import { checkAccessToken } from '../../tokens/check-access-token.ts'
import { presentedBearer } from '../first-party/credentials.ts'
import { challenge, type PawlContext } from '../refusal-response.ts'
import type { Services } from '../services.ts'

/**
 * `GET` and `POST /oauth/userinfo` (OpenID Connect Core section 5.3), by an access token with the scope `openid`,
 * whatever resource it is for beside.
 */
export async function userinfo(context: PawlContext, services: Services): Promise<Response> {
  const { issuer } = services.settings
  const presented = presentedBearer(context)
  if (presented.kind === 'none') return challenge(context, issuer, { error: 'authentication_required' })
  const [token] = presented.kind === 'tokens' ? presented.tokens : []
  if (token === undefined) return challenge(context, issuer, { error: 'invalid_token', reason: 'malformed' })
  const check = await checkAccessToken(token, { issuer, audience: undefined }, services.tokens)
  if (check.kind === 'refused') return challenge(context, issuer, { error: 'invalid_token', reason: check.reason })
  const scope = check.claims.scope?.split(' ') ?? []
  if (check.standing === undefined || !scope.includes('openid')) {
    return challenge(context, issuer, { error: 'insufficient_scope' }, 'openid')
  }
  const { user } = check.standing
  return context.json({ sub: user.id, ...userClaims(user, scope) })
}
