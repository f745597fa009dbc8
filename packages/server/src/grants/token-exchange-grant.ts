import { type Refusal, tokenTypes } from '@pawl/protocol'
import { peekSession } from '../tokens/peek-session.ts'
import { type PresentedRefreshToken, parseRefreshToken } from '../tokens/refresh-token.ts'
import { exchangeAccessToken } from './access-token-exchange.ts'
import { attemptIdForm } from './attempt-id.ts'
import type { ClientCredentialsSurroundings } from './client-credentials-grant.ts'
import type { Grant, GrantOutcome, GrantRequest } from './grant.ts'
import { preparation } from './prepare-tokens.ts'
import { refreshingClient } from './refreshing-client.ts'

/**
 * `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693 section 2), for confidential clients. The subject
 * is an access token, and the answer a narrower one; or it is a refresh token, and the answer a peek: the client presents
 * one of its own session and gets an access token, and the session does not move. That is for code that cannot save a new
 * refresh token, such as the rendering of a page.
 */
export function tokenExchangeGrant(surroundings: ClientCredentialsSurroundings): Grant {
  return async (request) => {
    const { client, parameter } = request
    // Whoever holds a copied token could peek without end if it took no more than the token to do so.
    if (client.type !== 'confidential') return refused({ error: 'unauthorized_client' })
    if (parameter('subject_token_type') === tokenTypes.accessToken) {
      const exchanged = await exchangeAccessToken(request, surroundings)
      return exchanged.kind === 'refused' ? refused(exchanged.refusal) : exchanged
    }
    const exchange = readExchange(parameter)
    if (exchange.kind === 'refused') return exchange
    const { settings, tokens, claims, report } = surroundings
    const outcome = await peekSession(
      {
        presented: exchange.presented,
        presentedBy: client.id,
        clientOf: (clientId) => (clientId === client.id ? refreshingClient(client, settings) : undefined),
        attemptId: exchange.attemptId,
        proof: undefined,
        device: request.device,
        arrivedAt: request.arrivedAt,
        hasLeft: request.hasLeft,
        prepare: preparation(
          {
            scope: parameter('scope'),
            resources: request.resources,
            // An exchange narrows what the session has and never adds to it (standards TX-2).
            allowedResources: undefined,
            tokens: 'together',
            cookieOverhead: undefined,
          },
          { issuer: settings.issuer, claims, report },
        ),
      },
      tokens,
    )
    if (outcome.kind === 'refused') return refused(outcome.refusal)
    const scope = parameter('scope') ?? outcome.session.scope.join(' ')
    return {
      kind: 'granted',
      outcome: 'peek',
      response: {
        access_token: outcome.accessTokens[0] ?? '',
        issued_token_type: tokenTypes.accessToken,
        token_type: 'Bearer',
        expires_in: outcome.expiresIn,
        ...(scope !== '' && { scope }),
      },
    }
  }
}

/** What an exchange presents, once its parameters (RFC 8693 section 2.1) are found to ask for what there is. */
function readExchange(
  parameter: GrantRequest['parameter'],
):
  | { readonly kind: 'read'; readonly presented: PresentedRefreshToken; readonly attemptId: string | undefined }
  | (GrantOutcome & { kind: 'refused' }) {
  const [token, type] = [parameter('subject_token'), parameter('subject_token_type')]
  if (token === undefined || type === undefined) {
    return refused({ error: 'invalid_request', reason: 'missing_parameter' })
  }
  const wanted = parameter('requested_token_type') ?? tokenTypes.accessToken
  const acting = parameter('actor_token') !== undefined || parameter('actor_token_type') !== undefined
  if (type !== tokenTypes.refreshToken || wanted !== tokenTypes.accessToken || acting) {
    return refused({ error: 'invalid_request', reason: 'malformed_parameter' })
  }
  // Targets have URIs here, so `resource` names them all.
  if (parameter('audience') !== undefined) return refused({ error: 'invalid_target' })
  const attemptId = parameter('attempt_id')
  if (attemptId !== undefined && !attemptIdForm.test(attemptId)) {
    return refused({ error: 'invalid_request', reason: 'malformed_attempt_id' })
  }
  const presented = parseRefreshToken(token)
  return presented === undefined
    ? refused({ error: 'invalid_request', reason: 'unknown_token' })
    : { kind: 'read', presented, attemptId }
}

/**
 * RFC 8693 section 2.2.2: a subject token that is not valid or not acceptable is `invalid_request`. So no peek ever reads
 * like the `invalid_grant` on which a client signs out; its next refresh tells it whether the session is over.
 */
function refused(refusal: Refusal): GrantOutcome & { kind: 'refused' } {
  const error = refusal.error === 'invalid_grant' ? 'invalid_request' : refusal.error
  return { kind: 'refused', refusal: { ...refusal, error } }
}
