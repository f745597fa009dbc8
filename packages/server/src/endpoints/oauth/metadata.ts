import { clientAuthenticationMethods, grantTypes, signatureAlgorithms } from '@pawl/protocol'
import { passwordAcr } from '../../authorizations/authorization-request.ts'
import type { Settings } from '../../configuration/settings.ts'

/** How long metadata and keys may be kept, in seconds. New keys are published at least this long before they sign. */
export const publicMaxAge = 300

/**
 * Authorization server metadata (RFC 8414 section 2, OpenID Connect Discovery section 3): one document under both names.
 * Names what exists and nothing else, and says what would be unsafe to leave to its default (standards MD-3).
 */
export function serverMetadata(
  settings: Pick<Settings, 'issuer' | 'signingAlgorithm' | 'clientRegistration' | 'clientDocuments'>,
): Readonly<Record<string, unknown>> {
  const { issuer, signingAlgorithm, clientRegistration, clientDocuments } = settings
  const confidential = clientAuthenticationMethods.filter((method) => method !== 'none')
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    authorization_response_iss_parameter_supported: true,
    pushed_authorization_request_endpoint: `${issuer}/oauth/par`,
    require_pushed_authorization_requests: false,
    device_authorization_endpoint: `${issuer}/oauth/device_authorization`,
    end_session_endpoint: `${issuer}/oauth/logout`,
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
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    acr_values_supported: [passwordAcr],
    scopes_supported: ['openid', 'profile'],
    claims_supported: ['sub', 'auth_time', 'acr', 'amr', 'sid', 'preferred_username'],
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [signingAlgorithm],
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    ...(clientDocuments && { client_id_metadata_document_supported: true }),
    refresh_token_expiration_types_supported: ['authorization', 'credential'],
  }
}
