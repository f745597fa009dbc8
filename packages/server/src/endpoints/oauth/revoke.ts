import { checkSignature } from '../../tokens/access-token.ts'
import { endSession, recogniseRefreshToken } from '../../tokens/end-session.ts'
import { parseRefreshToken } from '../../tokens/refresh-token.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import { deviceOf } from '../first-party/unsafe-request.ts'
import { keyNotLoaded, type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { readClientRequest } from './client-request.ts'

/**
 * `POST /oauth/revoke` (RFC 7009). A refresh token of any genuine generation ends its session, and so does an access
 * token that has one. Unknown, expired and ended tokens are answered 200 like all others; a token of another client is
 * refused and stays as it was (standards RV-1).
 */
export async function revoke(context: PawlContext, services: Services): Promise<Response> {
  const request = await readClientRequest(context, services)
  if (request.kind === 'answered') return request.response
  const token = request.form.one('token')
  if (token === undefined) return refuse(context, { error: 'invalid_request', reason: 'missing_parameter' })

  const found = await findSession(token, services)
  if (found.kind === 'not_loaded') {
    return refuse(context, keyNotLoaded)
  }
  if (found.kind === 'sessionless') return refuse(context, { error: 'unsupported_token_type' })
  if (found.kind === 'found') {
    const { session, now } = found
    if (session.clientId !== request.client.id)
      return refuse(context, { error: 'invalid_grant', reason: 'wrong_client' })
    await endSession({ session, now, reason: 'logout', actor: 'client', device: deviceOf(context) }, services.tokens)
  }
  context.set('outcome', found.kind === 'found' ? 'revoked' : 'nothing_to_end')
  return context.body(null, 200)
}

type Found =
  | { readonly kind: 'found'; readonly session: SessionRecord; readonly now: number }
  | { readonly kind: 'nothing' | 'not_loaded' | 'sessionless' }

async function findSession(token: string, services: Services): Promise<Found> {
  const presented = parseRefreshToken(token)
  if (presented !== undefined) {
    const recognised = await recogniseRefreshToken(presented, services.tokens)
    if (recognised.kind === 'recognised') return { ...recognised, kind: 'found' }
    return { kind: recognised.kind === 'not_loaded' ? 'not_loaded' : 'nothing' }
  }
  const signed = await checkSignature(token, services.settings.issuer, services.tokens.signer)
  if (signed.kind === 'refused') return { kind: 'nothing' }
  if (signed.claims.sid === undefined) return { kind: 'sessionless' }
  const { session, now } = await services.tokens.sessions.readSession(signed.claims.sid)
  return session === undefined ? { kind: 'nothing' } : { kind: 'found', session, now }
}
