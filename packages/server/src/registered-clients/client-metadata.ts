import {
  type ClientAuthenticationMethod,
  clientAuthenticationMethods,
  type ErrorCode,
  type GrantType,
  grantTypes,
} from '@pawl/protocol'
import type { AssertionKeys } from './assertion-keys.ts'
import { checkAssertionKeys } from './check-assertion-keys.ts'
import { isOpenRedirectUri } from './redirect-uri.ts'

/** What clients may have that no administrator has registered. */
export interface OpenClientLimits {
  /** Scope values that they may ask for. */
  readonly scopes: readonly string[]
  /** Resources that they may ask tokens for. */
  readonly resources: readonly string[]
}

/** Metadata of a client (RFC 7591 section 2) in our words. */
export interface ClientMetadata {
  readonly authentication: ClientAuthenticationMethod
  readonly redirectUris: readonly string[]
  readonly grants: readonly GrantType[]
  readonly scopes: readonly string[]
  readonly name?: string
  readonly assertionKeys?: AssertionKeys
}

/** What is wrong with metadata, by the codes of RFC 7591 section 3.2.2. */
export type MetadataFault = Extract<ErrorCode, 'invalid_redirect_uri' | 'invalid_client_metadata'>

/** Metadata read, or what is wrong with it. */
export type MetadataReading =
  | { readonly ok: true; readonly metadata: ClientMetadata }
  | { readonly ok: false; readonly error: MetadataFault }

/** Grants that a client may have which nobody has vouched for: those in which a person decides. */
const openGrants: readonly string[] = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
]

const mostRedirectUris = 20
const longestName = 200

/**
 * Reads what a client says of itself (standards DC-1, DC-3). What the server does not know or does not offer is left out,
 * as RFC 7591 section 2 has it; what contradicts itself, or leaves nothing, is refused.
 */
export function readClientMetadata(
  document: Readonly<Record<string, unknown>>,
  limits: OpenClientLimits,
): MetadataReading {
  const grants = readGrants(document)
  if (grants === undefined) return { ok: false, error: 'invalid_client_metadata' }
  const redirectUris = readRedirectUris(document['redirect_uris'], grants.byCode)
  if (redirectUris === undefined) return { ok: false, error: 'invalid_redirect_uri' }
  const authentication = readAuthentication(document)
  const scopes = readScopes(document['scope'], limits.scopes)
  const name = document['client_name'] ?? ''
  if (authentication === undefined || scopes === undefined || typeof name !== 'string') {
    return { ok: false, error: 'invalid_client_metadata' }
  }
  const shown = shownName(name)
  return {
    ok: true,
    metadata: { redirectUris, grants: grants.granted, scopes, ...authentication, ...(shown !== '' && { name: shown }) },
  }
}

/** `code` goes with `authorization_code` and nothing else does (RFC 7591 section 2.1). */
function readGrants(
  document: Readonly<Record<string, unknown>>,
): { readonly granted: readonly GrantType[]; readonly byCode: boolean } | undefined {
  const asked = readTexts(document['grant_types'] ?? ['authorization_code'])
  if (asked === undefined) return undefined
  const byCode = asked.includes('authorization_code')
  const responses = readTexts(document['response_types'] ?? (byCode ? ['code'] : []))
  if (responses === undefined || responses.some((type) => type !== 'code')) return undefined
  if (responses.includes('code') !== byCode) return undefined
  const granted = grantTypes.filter((grant) => openGrants.includes(grant) && asked.includes(grant))
  return granted.length === 0 ? undefined : { granted, byCode }
}

function readRedirectUris(given: unknown, byCode: boolean): readonly string[] | undefined {
  const uris = readTexts(given ?? [])
  if (uris === undefined || uris.length > mostRedirectUris || !uris.every(isOpenRedirectUri)) return undefined
  return uris.length === 0 && byCode ? undefined : [...new Set(uris)]
}

function readAuthentication(
  document: Readonly<Record<string, unknown>>,
): Pick<ClientMetadata, 'authentication' | 'assertionKeys'> | undefined {
  const { token_endpoint_auth_method: asked = 'client_secret_basic' } = document
  const authentication = clientAuthenticationMethods.find((method) => method === asked)
  if (authentication === undefined) return undefined
  // Many send a key set for other purposes, which there are none of here.
  if (authentication !== 'private_key_jwt') return { authentication }
  const { jwks, jwks_uri: jwksUri, token_endpoint_auth_signing_alg: signingAlgorithm } = document
  const texts = [jwksUri, signingAlgorithm].every((value) => value === undefined || typeof value === 'string')
  if (!texts || (typeof jwksUri === 'string' && !jwksUri.startsWith('https:'))) return undefined
  const keys = checkAssertionKeys(
    {
      jwks,
      ...(typeof jwksUri === 'string' && { jwksUri }),
      ...(typeof signingAlgorithm === 'string' && { signingAlgorithm }),
    },
    authentication,
  )
  return keys === undefined || 'ok' in keys ? undefined : { authentication, assertionKeys: keys }
}

/** Those of the allowed values that are asked for; all where none is named. */
function readScopes(given: unknown, allowed: readonly string[]): readonly string[] | undefined {
  if (given === undefined) return allowed
  if (typeof given !== 'string') return undefined
  const asked = given.split(' ')
  return allowed.filter((scope) => asked.includes(scope))
}

/** A name is shown to people: on one line, and nothing in it that turns the direction of writing around. */
function shownName(name: string): string {
  return name
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, longestName)
    .toWellFormed()
}

function readTexts(value: unknown): readonly string[] | undefined {
  const texts = Array.isArray(value) && value.length <= 100 && value.every((entry) => typeof entry === 'string')
  return texts ? value : undefined
}
