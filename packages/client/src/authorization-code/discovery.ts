import type { Environment } from '../environment.ts'
import { failureOf } from '../error-classification.ts'
import { askForDocument } from '../issuer-request.ts'
import { isRecord } from '../token-reply.ts'
import type { TransientFailure } from '../transient-failure.ts'

/** What is needed of an authorization server's metadata (RFC 8414, OpenID Connect Discovery). */
export interface ServerMetadata {
  /** Exactly as the server spells it. */
  readonly issuer: string
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  readonly revocationEndpoint: string | undefined
  /** It puts `iss` into every authorization response (RFC 9207). */
  readonly namesItself: boolean
}

/** Gives the metadata, asked for once and kept. A failure is a value, and the next call asks again. */
export type Discover = (signal: AbortSignal) => Promise<ServerMetadata | TransientFailure>

export function createDiscovery({ issuer, issuerUrl, fetch }: Environment): Discover {
  const { origin } = issuerUrl
  const path = issuer.slice(origin.length)
  // OpenID Connect appends the well-known path, RFC 8414 section 3.1 puts it before the issuer's own.
  const places = [
    `${issuer}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ]
  let known: ServerMetadata | undefined
  return async (signal) => {
    let failure: TransientFailure = { kind: 'unexpected_reply' }
    for (const place of places) {
      if (known !== undefined) break
      const answer = await askForDocument(fetch, place, { headers: new Headers(), credentials: 'omit', signal })
      known = answer.status === 200 ? readMetadata(answer.document, issuer) : undefined
      failure = failureOf(answer)
      if (answer.failure !== undefined) break
    }
    return known ?? failure
  }
}

function readMetadata(document: unknown, issuer: string): ServerMetadata | undefined {
  if (!isRecord(document)) return undefined
  const text = (name: string) => {
    const value = document[name]
    return typeof value === 'string' ? value : undefined
  }
  const endpoint = (name: string) => {
    const value = text(name)
    // A server that is reached by https does not send anybody elsewhere than by https.
    return value !== undefined && URL.canParse(value) && (value.startsWith('https:') || issuer.startsWith('http:'))
      ? value
      : undefined
  }
  const named = text('issuer')
  const authorizationEndpoint = endpoint('authorization_endpoint')
  const tokenEndpoint = endpoint('token_endpoint')
  const methods = document['code_challenge_methods_supported']
  // Metadata of another issuer are an attempt to mix servers up (RFC 8414 section 3.3).
  if (named === undefined || named.replace(/\/$/, '') !== issuer) return undefined
  // Without PKCE a stolen code would do; a server that does not say that it checks is taken for one that does not.
  if (!Array.isArray(methods) || !methods.includes('S256')) return undefined
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined) return undefined
  return {
    issuer: named,
    authorizationEndpoint,
    tokenEndpoint,
    revocationEndpoint: endpoint('revocation_endpoint'),
    namesItself: document['authorization_response_iss_parameter_supported'] === true,
  }
}
