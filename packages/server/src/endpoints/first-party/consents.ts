import type { ConsentListEntry } from '@pawl/protocol'
import { z } from 'zod'
import { type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { requireSession } from './credentials.ts'
import { readUnsafeRequest } from './unsafe-request.ts'

/** `GET /auth/consents`: what the user has allowed which client, the newest first. */
export async function listConsents(context: PawlContext, services: Services): Promise<Response> {
  const signedIn = await requireSession(context, services, true)
  if (signedIn.kind === 'answered') return signedIn.response
  const consents = await services.consents.listConsents(signedIn.standing.user.id)
  const entries = consents.map(
    ({ clientId, scope, resources, grantedAt }): ConsentListEntry => ({
      client_id: clientId,
      scope,
      resources,
      granted_at: new Date(grantedAt).toISOString(),
    }),
  )
  return context.json({ consents: entries })
}

/** `DELETE /auth/consents/{client_id}`: takes one back; the client's sessions of the user end with it. */
export async function withdrawConsent(context: PawlContext, services: Services, clientId: string): Promise<Response> {
  const request = await readUnsafeRequest(context, services, z.object({}), () => false)
  if (request.kind === 'refused') return refuse(context, request.refusal)
  const signedIn = await requireSession(context, services, true)
  if (signedIn.kind === 'answered') return signedIn.response
  const userId = signedIn.standing.user.id
  const { now } = signedIn
  const { device } = request
  const event = { type: 'consent_withdrawn', at: now, actor: 'user', userId, clientId, device } as const
  const withdrawn = await services.consents.withdrawConsent({ userId, clientId, now, event })
  if (!withdrawn) return refuse(context, { error: 'not_found' })
  context.set('outcome', 'consent_withdrawn')
  return context.body(null, 204)
}
