import type { Refusal } from '@pawl/protocol'
import { z } from 'zod'
import { preparation } from '../../grants/prepare-tokens.ts'
import { type ClientRecord, firstPartyClientId } from '../../registered-clients/client.ts'
import { endSession, recogniseRefreshToken } from '../../tokens/end-session.ts'
import { parseRefreshToken } from '../../tokens/refresh-token.ts'
import type { Delivery, SessionUser } from '../../tokens/session.ts'
import { startSession } from '../../tokens/start-session.ts'
import type { RegisterUserOutcome } from '../../users/accounts.ts'
import { checkPassword } from '../password-check.ts'
import { hashersBusy, type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { cookieOverhead, type RequestCookies } from './session-cookies.ts'
import { replyWithTokens } from './token-reply.ts'
import { deviceOf, readUnsafeRequest } from './unsafe-request.ts'

const signInBody = z.object({
  username: z.string().min(1).max(256),
  password: z.string().min(1).max(4096),
  delivery: z.enum(['cookie', 'body']).default('cookie'),
  access: z.literal('memory').optional(),
  client_id: z.string().default(firstPartyClientId),
})

function deliveryOf(body: z.infer<typeof signInBody>): Delivery {
  if (body.delivery === 'body') return 'body'
  return body.access === 'memory' ? 'cookie-memory' : 'cookie'
}

/** `POST /auth/login`. */
export async function login(context: PawlContext, services: Services): Promise<Response> {
  // The password is no credential in the sense of the rule where cookies are set: a foreign page could sign us in as itself.
  const request = await readUnsafeRequest(context, services, signInBody, (body) => body.delivery === 'body')
  if (request.kind === 'refused') return refuse(context, request.refusal)
  const client = services.ownClients.get(request.body.client_id)
  if (client === undefined) return refuse(context, { error: 'unauthorized_client' })
  const checked = await checkPassword(context, services, request.body)
  if (checked.kind === 'refused') return refuse(context, checked.refusal)
  return openSession(context, services, {
    now: checked.now,
    user: checked.user,
    client,
    delivery: deliveryOf(request.body),
    cookies: request.cookies,
  })
}

/** `POST /auth/register`, where the setting allows it: adds the user and signs him in. */
export async function register(context: PawlContext, services: Services): Promise<Response> {
  const request = await readUnsafeRequest(context, services, signInBody, (body) => body.delivery === 'body')
  if (request.kind === 'refused') return refuse(context, request.refusal)
  if (!services.settings.registration) return refuse(context, { error: 'registration_closed' })
  const client = services.ownClients.get(request.body.client_id)
  if (client === undefined) return refuse(context, { error: 'unauthorized_client' })
  const { username, password } = request.body
  const now = await services.tokens.clock.storeNow()
  const added = await services.accounts.register({ username, password, device: request.device })
  if (added.outcome !== 'added') return refuse(context, registrationRefusal(added))
  return openSession(context, services, {
    now,
    user: added.user,
    client,
    delivery: deliveryOf(request.body),
    cookies: request.cookies,
    status: 201,
  })
}

function registrationRefusal(refused: Exclude<RegisterUserOutcome, { outcome: 'added' }>): Refusal {
  switch (refused.outcome) {
    case 'busy':
      return hashersBusy
    case 'username_taken':
      return { error: 'username_taken' }
    case 'malformed_username':
      return { error: 'invalid_request', reason: 'malformed_parameter' }
    case 'password_refused':
      return { error: 'password_refused', reason: refused.reason }
  }
}

async function openSession(
  context: PawlContext,
  services: Services,
  start: {
    /** The store's instant, in milliseconds. */
    readonly now: number
    readonly user: SessionUser
    readonly client: ClientRecord
    readonly delivery: Delivery
    readonly cookies: RequestCookies
    readonly status?: 200 | 201
  },
): Promise<Response> {
  const { settings, tokens, claims, reportHookFailure } = services
  const { now, user, client, delivery } = start
  const outcome = await startSession(
    {
      now,
      user,
      client: { id: client.id, accessSeconds: client.accessSeconds ?? settings.accessSeconds },
      scope: [],
      resources: [settings.audience],
      acr: null,
      amr: ['pwd'],
      delivery,
      device: deviceOf(context),
      absoluteMilliseconds: settings.absoluteSeconds * 1000,
      prepare: preparation(
        {
          scope: undefined,
          resources: [],
          allowedResources: [settings.audience],
          tokens: 'together',
          cookieOverhead: delivery === 'cookie' ? cookieOverhead(services.cookies) : undefined,
        },
        { issuer: settings.issuer, claims, report: reportHookFailure },
      ),
    },
    tokens,
  )
  if (outcome.kind === 'refused') return refuse(context, outcome.refusal)
  if (delivery !== 'body') await endReplacedSessions(context, services, start.cookies)
  context.set('outcome', 'signed_in')
  return replyWithTokens(context, services, outcome, {
    delivery,
    resources: [],
    ...(start.status !== undefined && { status: start.status }),
  })
}

/** The jar's earlier session would be lost sight of, alive, when its cookie is overwritten: it ends (finding F19). */
async function endReplacedSessions(context: PawlContext, services: Services, cookies: RequestCookies): Promise<void> {
  for (const value of cookies.refresh) {
    const presented = parseRefreshToken(value)
    const found = presented === undefined ? undefined : await recogniseRefreshToken(presented, services.tokens)
    if (found?.kind !== 'recognised') continue
    const { session, now } = found
    await endSession(
      { session, now, reason: 'signed_in_again', actor: 'user', device: deviceOf(context) },
      services.tokens,
    )
  }
}
