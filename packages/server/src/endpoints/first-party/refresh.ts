import { z } from 'zod'
import { attemptIdForm } from '../../grants/attempt-id.ts'
import { preparation } from '../../grants/prepare-tokens.ts'
import { refreshingClient } from '../../grants/refreshing-client.ts'
import { firstPartyClientId } from '../../registered-clients/client.ts'
import { refreshSession } from '../../tokens/refresh-session.ts'
import { parseRefreshToken } from '../../tokens/refresh-token.ts'
import type { Delivery, SessionRecord } from '../../tokens/session.ts'
import { type PawlContext, refuse } from '../refusal-response.ts'
import { clientHasLeft } from '../request-surroundings.ts'
import type { Services } from '../services.ts'
import { refreshTokenOfJar } from './credentials.ts'
import { clearedCookies, cookieOverhead, type RequestCookies } from './session-cookies.ts'
import { replyWithTokens } from './token-reply.ts'
import { readUnsafeRequest } from './unsafe-request.ts'

const mostResources = 10

const refreshBody = z.object({
  refresh_token: z.string().max(1024).optional(),
  attempt_id: z.string().max(1024).optional(),
  resource: z
    .union([z.string().min(1).max(2048), z.array(z.string().min(1).max(2048)).min(1).max(mostResources)])
    .optional(),
  access: z.literal('memory').optional(),
})

/** `POST /auth/refresh`. */
export async function refresh(context: PawlContext, services: Services): Promise<Response> {
  const request = await readUnsafeRequest(context, services, refreshBody, (body) => body.refresh_token !== undefined)
  if (request.kind === 'refused') return refuse(context, request.refusal)
  const { body, cookies, device } = request
  if (body.attempt_id !== undefined && !attemptIdForm.test(body.attempt_id)) {
    return refuse(context, { error: 'invalid_request', reason: 'malformed_attempt_id' })
  }
  const inBody = body.refresh_token !== undefined
  if (!inBody && cookies.refresh.length === 0)
    return refuse(context, { error: 'invalid_grant', reason: 'no_refresh_token' })
  const presented =
    body.refresh_token === undefined
      ? await refreshTokenOfJar(cookies, services)
      : parseRefreshToken(body.refresh_token)
  if (presented === undefined) return refuseOver(context, services, inBody ? undefined : cookies)

  const resources = body.resource === undefined ? [] : [...new Set([body.resource].flat())]
  const { settings, tokens, claims, reportHookFailure } = services
  const allowedResources = resources.length === 0 ? [settings.audience] : await services.knownResources()
  let delivery: Delivery = 'body'
  const outcome = await refreshSession(
    {
      presented,
      presentedBy: firstPartyClientId,
      clientOf: (clientId) => {
        const client = services.ownClients.get(clientId)
        return client === undefined ? undefined : refreshingClient(client, settings)
      },
      attemptId: body.attempt_id,
      proof: undefined,
      device,
      arrivedAt: context.get('arrivedAt'),
      hasLeft: () => clientHasLeft(context),
      prepare: (session, user, signingKey) => {
        delivery = deliveryOf(session, { inBody, memory: body.access === 'memory' })
        const wishes = {
          scope: undefined,
          resources,
          allowedResources,
          tokens: delivery === 'cookie' ? ('default-and-each' as const) : ('each' as const),
          cookieOverhead: delivery === 'cookie' ? cookieOverhead(services.cookies) : undefined,
        }
        return preparation(wishes, { issuer: settings.issuer, claims, report: reportHookFailure })(
          session,
          user,
          signingKey,
        )
      },
    },
    tokens,
  )
  if (outcome.kind === 'refreshed') {
    services.metrics.countRefresh(outcome.cause)
    context.set('outcome', outcome.cause)
    return replyWithTokens(context, services, outcome, { delivery, resources })
  }
  services.metrics.countRefresh(outcome.refusal.reason ?? outcome.refusal.error)
  // Who signed in again has new cookies by now, which this late answer must not take away (T16.3).
  const replaced = outcome.refusal.reason === 'signed_in_again'
  if (outcome.sessionOver && !inBody && !replaced) clearJar(context, services, cookies)
  return refuse(context, outcome.refusal)
}

/** A session remembers how its tokens travel; a request can only move the access token out of the cookies. */
function deliveryOf(session: SessionRecord, request: { readonly inBody: boolean; readonly memory: boolean }): Delivery {
  if (request.inBody) return 'body'
  return request.memory || session.delivery === 'cookie-memory' ? 'cookie-memory' : 'cookie'
}

/** A string that this server never printed: no session stands behind it. */
function refuseOver(context: PawlContext, services: Services, cookies: RequestCookies | undefined): Response {
  if (cookies !== undefined) clearJar(context, services, cookies)
  services.metrics.countRefresh('unknown_token')
  return refuse(context, { error: 'invalid_grant', reason: 'unknown_token' })
}

/** Cookies go for revoked, expired and unknown sessions, and for nothing else (finding F20, T1.3). */
function clearJar(context: PawlContext, services: Services, cookies: RequestCookies): void {
  for (const line of clearedCookies(services.cookies, cookies)) context.header('Set-Cookie', line, { append: true })
}
