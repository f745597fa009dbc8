import type { BodyTokenReply, CookieTokenReply } from '@pawl/protocol'
import type { Refreshed } from '../../tokens/refresh-session.ts'
import type { Delivery } from '../../tokens/session.ts'
import type { PawlContext } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { cookiesFor } from './session-cookies.ts'

/** Answers a sign-in or a refresh: tokens in cookies or in the body, never in both. */
export function replyWithTokens(
  context: PawlContext,
  services: Services,
  refreshed: Refreshed,
  wishes: { readonly delivery: Delivery; readonly resources: readonly string[]; readonly status?: 200 | 201 },
): Response {
  const { session, user, lifetimes, refreshToken, accessTokens } = refreshed
  const { delivery, resources } = wishes
  const status = wishes.status ?? 200
  const [first = ''] = accessTokens
  // With an access cookie the first token is for the default resource and lives in that cookie only.
  const named = delivery === 'cookie' ? accessTokens.slice(1) : accessTokens
  const accessTokensByResource =
    resources.length === 0
      ? undefined
      : Object.fromEntries(
          resources.map((resource, index) => [
            resource,
            { access_token: named[index] ?? '', expires_in: lifetimes.expiresIn },
          ]),
        )
  const reply: CookieTokenReply = {
    session_id: session.id,
    user: { id: user.id, username: user.username, roles: user.roles },
    expires_in: lifetimes.expiresIn,
    refresh_in: lifetimes.refreshIn,
    refresh_token_timeout: lifetimes.refreshTokenTimeout,
    authorization_expires_in: lifetimes.authorizationExpiresIn,
    ...(accessTokensByResource !== undefined && { access_tokens: accessTokensByResource }),
  }
  if (delivery === 'body') {
    const body: BodyTokenReply = { ...reply, access_token: first, token_type: 'Bearer', refresh_token: refreshToken }
    return context.json(body, status)
  }
  const lines = cookiesFor(
    {
      session,
      refreshToken,
      accessToken: delivery === 'cookie' ? first : undefined,
      accessMaxAge: lifetimes.expiresIn,
      refreshMaxAge: lifetimes.refreshTokenTimeout,
    },
    services.cookies,
  )
  for (const line of lines) context.header('Set-Cookie', line, { append: true })
  return context.json(
    delivery === 'cookie' ? reply : { ...reply, access_token: first, token_type: 'Bearer' as const },
    status,
  )
}
