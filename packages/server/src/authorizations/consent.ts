import type { ClientRecord } from '../registered-clients/client.ts'
import type { Device } from '../security-events/security-event.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import type { Consent, ConsentStore } from './consent-store.ts'

/**
 * Whether an earlier yes may stand for this one, too (standards AZ-11): it must be certain that the one who asks is the one
 * who was allowed. A confidential client shows that when it redeems the code; of a public one only an https address of its
 * own says so, for any program can listen on a port of this machine or claim a private scheme.
 */
export function mayBeRemembered({
  client,
  redirectUri,
}: Pick<AuthorizationRequest, 'client' | 'redirectUri'>): boolean {
  return client.type === 'confidential' || redirectUri.startsWith('https://')
}

/** Whether everything that is asked for was allowed before, to this registration of the client. */
export function allows(
  consent: Consent | undefined,
  {
    client,
    scope,
    resources,
  }: Pick<AuthorizationRequest, 'scope' | 'resources'> & {
    readonly client: Pick<ClientRecord, 'createdAt'>
  },
): boolean {
  if (consent === undefined || consent.grantedAt < client.createdAt) return false
  return (
    scope.every((value) => consent.scope.includes(value)) &&
    resources.every((resource) => consent.resources.includes(resource))
  )
}

/** Writes down what a user has just allowed, beside what he had allowed before. */
export async function rememberConsent(
  given: {
    readonly request: Pick<AuthorizationRequest, 'client' | 'scope' | 'resources'>
    readonly userId: string
    readonly device: Device
    /** The store's instant, in milliseconds. */
    readonly now: number
  },
  { consents }: { readonly consents: ConsentStore },
): Promise<void> {
  const { request, userId, device, now } = given
  const { client, scope, resources } = request
  const before = await consents.findConsent(userId, client.id)
  if (allows(before, request)) return
  const kept = before !== undefined && before.grantedAt >= client.createdAt ? before : { scope: [], resources: [] }
  await consents.rememberConsent(
    {
      userId,
      clientId: client.id,
      scope: [...new Set([...kept.scope, ...scope])],
      resources: [...new Set([...kept.resources, ...resources])],
      grantedAt: now,
    },
    { type: 'consent_given', at: now, actor: 'user', userId, clientId: client.id, device },
  )
}
