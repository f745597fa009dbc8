import type { ClientListing } from '@pawl/server'
import { instant } from './output.ts'

/** A client as JSON, in the words of RFC 7591 where it has them. */
export function clientDocument(client: ClientListing): Readonly<Record<string, unknown>> {
  return {
    client_id: client.id,
    type: client.type,
    token_endpoint_auth_method: client.authentication,
    redirect_uris: client.redirectUris,
    grant_types: client.grants,
    scope: client.scopes.join(' '),
    resources: client.resources,
    policy: client.policy,
    access_seconds: client.accessSeconds,
    created_at: instant(client.createdAt),
  }
}
