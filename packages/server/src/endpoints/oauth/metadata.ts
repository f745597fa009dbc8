import { clientAuthenticationMethods, grantTypes, signatureAlgorithms } from '@pawl/protocol'
import type { Settings } from '../../configuration/settings.ts'

/** How long metadata and keys may be kept, in seconds. New keys are published at least this long before they sign. */
export const publicMaxAge = 300

/** Authorization server metadata (RFC 8414 section 2). Names what exists and nothing else. */
export function serverMetadata(
  settings: Pick<Settings, 'issuer' | 'clientRegistration' | 'clientDocuments'>,
): Readonly<Record<string, unknown>> {
  const { issuer, clientRegistration, clientDocuments } = settings
  const confidential = clientAuthenticationMethods.filter((method) => method !== 'none')
  return {
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    token_endpoint_auth_methods_supported: clientAuthenticationMethods,
    token_endpoint_auth_signing_alg_values_supported: signatureAlgorithms,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: clientAuthenticationMethods,
    revocation_endpoint_auth_signing_alg_values_supported: signatureAlgorithms,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: confidential,
    introspection_endpoint_auth_signing_alg_values_supported: signatureAlgorithms,
    ...(clientRegistration && { registration_endpoint: `${issuer}/oauth/register` }),
    jwks_uri: `${issuer}/oauth/jwks`,
    grant_types_supported: grantTypes,
    ...(clientDocuments && { client_id_metadata_document_supported: true }),
    response_types_supported: [],
    refresh_token_expiration_types_supported: ['authorization', 'credential'],
  }
}
