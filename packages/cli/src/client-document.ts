import type { ClientListing } from '@pawl/server'
import { instant } from './output.ts'

/** A client as JSON, in the words of RFC 7591 where it has them. */
export function clientDocument(client: ClientListing): Readonly<Record<string, unknown>> {
  return {
    client_id: client.id,
    type: client.type,
    token_endpoint_auth_method: client.authentication,
    secrets: client.secrets,
    ...keysOf(client),
    redirect_uris: client.redirectUris,
    grant_types: client.grants,
    scope: client.scopes.join(' '),
    resources: client.resources,
    policy: client.policy,
    ...(client.exchange !== undefined && { exchange: client.exchange }),
    access_seconds: client.accessSeconds,
    created_at: instant(client.createdAt),
    ...(client.name !== undefined && { client_name: client.name }),
    ...(client.expiresAt !== null && { self_registered: true, expires_at: instant(client.expiresAt) }),
  }
}

function keysOf({ assertionKeys }: ClientListing): Readonly<Record<string, unknown>> {
  if (assertionKeys === undefined) return {}
  const { algorithm } = assertionKeys
  const published =
    'jwksUri' in assertionKeys
      ? { jwks_uri: assertionKeys.jwksUri }
      : { jwks: { keys: assertionKeys.jwks.map(({ kid, jwk }) => ({ ...jwk, ...(kid !== undefined && { kid }) })) } }
  return { token_endpoint_auth_signing_alg: algorithm, ...published }
}
