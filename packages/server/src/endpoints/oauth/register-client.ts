import { z } from 'zod'
import type { ClientRecord } from '../../registered-clients/client.ts'
import { deviceOf } from '../first-party/unsafe-request.ts'
import { clientRegistrationFrom } from '../guesses.ts'
import { challenge, type PawlContext, refuse } from '../refusal-response.ts'
import { readJson } from '../request-body.ts'
import type { Services } from '../services.ts'

const clientMetadata = z.record(z.string(), z.unknown())

/**
 * `POST /oauth/register` (RFC 7591), where the server lets clients register themselves. Registrations from one address are
 * spaced out, so that a flood of them stays small (T18.4).
 */
export async function registerClient(context: PawlContext, services: Services): Promise<Response> {
  const { settings, throttle, selfRegistrations } = services
  if (!settings.clientRegistration) return refuse(context, { error: 'not_found' })
  const body = await readJson(context.req.raw, clientMetadata)
  if (body.kind === 'refused') return refuse(context, body.refusal)
  const throttled = await throttle.failed(clientRegistrationFrom(context))
  if (throttled !== undefined) {
    const { retryAfterSeconds } = throttled
    return refuse(context, { error: 'too_many_requests', reason: 'too_many_registrations', retryAfterSeconds })
  }
  const registered = await selfRegistrations.register(body.value, deviceOf(context))
  if (!registered.ok) return refuse(context, { error: registered.error })
  const { client, secret, accessToken } = registered.made
  context.set('outcome', 'registered')
  const document = {
    ...metadataOf(client),
    // RFC 7591 section 3.2.1: 0 stands for never. The registration as a whole ends when nothing uses it.
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    registration_access_token: accessToken,
    registration_client_uri: `${settings.issuer}/oauth/register/${client.id}`,
  }
  return context.json(document, 201)
}

/** `GET /oauth/register/{id}` (RFC 7592 section 2.1): what is registered, without anything secret. */
export async function readRegistration(context: PawlContext, services: Services): Promise<Response> {
  const found = await findRegistration(context, services)
  if (found.kind === 'answered') return found.response
  return context.json(metadataOf(found.client))
}

/** `DELETE /oauth/register/{id}` (RFC 7592 section 2.3): the client is gone, and its sessions with it. */
export async function withdrawRegistration(context: PawlContext, services: Services): Promise<Response> {
  const found = await findRegistration(context, services)
  if (found.kind === 'answered') return found.response
  await services.selfRegistrations.withdraw(found.client)
  context.set('outcome', 'withdrawn')
  return context.body(null, 204)
}

type Found =
  | { readonly kind: 'found'; readonly client: ClientRecord }
  | { readonly kind: 'answered'; readonly response: Response }

/** Unknown clients and wrong tokens look alike (standards DC-2). */
async function findRegistration(context: PawlContext, services: Services): Promise<Found> {
  const { settings, selfRegistrations } = services
  const answered = (response: Response): Found => ({ kind: 'answered', response })
  if (!settings.clientRegistration) return answered(refuse(context, { error: 'not_found' }))
  const header = context.req.header('authorization')
  if (header === undefined) return answered(challenge(context, settings.issuer, { error: 'authentication_required' }))
  const token = /^bearer +([A-Za-z0-9_-]{1,128})$/i.exec(header)?.[1]
  const client = token === undefined ? undefined : await selfRegistrations.find(context.req.param('id') ?? '', token)
  return client === undefined
    ? answered(challenge(context, settings.issuer, { error: 'invalid_token' }))
    : { kind: 'found', client }
}

/** What holds for a client, in the words of RFC 7591 section 2. */
function metadataOf(client: ClientRecord): Readonly<Record<string, unknown>> {
  return {
    client_id: client.id,
    client_id_issued_at: Math.floor(client.createdAt / 1000),
    ...(client.name !== undefined && { client_name: client.name }),
    redirect_uris: client.redirectUris,
    grant_types: client.grants,
    response_types: client.grants.some((grant: string) => grant === 'authorization_code') ? ['code'] : [],
    token_endpoint_auth_method: client.authentication,
    ...keysOf(client),
    scope: client.scopes.join(' '),
  }
}

function keysOf({ assertionKeys }: ClientRecord): Readonly<Record<string, unknown>> {
  if (assertionKeys === undefined) return {}
  const token_endpoint_auth_signing_alg = assertionKeys.algorithm
  if ('jwksUri' in assertionKeys) return { token_endpoint_auth_signing_alg, jwks_uri: assertionKeys.jwksUri }
  const keys = assertionKeys.jwks.map(({ kid, jwk }) => ({ ...jwk, ...(kid !== undefined && { kid }) }))
  return { token_endpoint_auth_signing_alg, jwks: { keys } }
}
