import { type AccessTokenClaims, type Refusal, type RefusalReason, tokenTypes } from '@pawl/protocol'
import type { ClientRecord } from '../registered-clients/client.ts'
import { type AccessTokenPlan, audienceOf, issuedAt, mintAccessToken } from '../tokens/access-token.ts'
import { type AccessCheck, checkAccessToken } from '../tokens/check-access-token.ts'
import { actorOf } from './acting-party.ts'
import type { ClientCredentialsSurroundings } from './client-credentials-grant.ts'
import type { GrantOutcome, GrantRequest } from './grant.ts'
import { preparation } from './prepare-tokens.ts'
import { clientResources } from './refreshing-client.ts'
import { narrowResources, narrowScope } from './requested-scope.ts'

type Active = AccessCheck & { readonly kind: 'active' }
type Refused = GrantOutcome & { readonly kind: 'refused' }

/**
 * Exchanges an access token of this server for a narrower one (RFC 8693 section 2, standards TX-1, TX-2): no scope, no
 * resource and no second more than the subject token has, in the same session and so with the same end. Whose tokens a
 * client may exchange is for its registration to say.
 */
export async function exchangeAccessToken(
  request: GrantRequest,
  surroundings: ClientCredentialsSurroundings,
): Promise<GrantOutcome> {
  const { client, parameter } = request
  const { settings, tokens, findClient } = surroundings
  if (client.exchange === undefined) return refused({ error: 'unauthorized_client' })
  if ((parameter('requested_token_type') ?? tokenTypes.accessToken) !== tokenTypes.accessToken)
    return malformed('malformed_parameter')
  const token = parameter('subject_token')
  if (token === undefined) return malformed('missing_parameter')
  const subject = await check(token, surroundings)
  if (subject.kind === 'refused') return malformed(subject.reason)
  const foreign = faultOf(subject, client, settings.audience) ?? (await faultOfItsClient(subject, surroundings))
  if (foreign !== undefined) return malformed(foreign)
  const actor = await actorOf(request, subject.claims, (presented) => check(presented, surroundings))
  if (actor.kind === 'refused') return malformed(actor.reason)

  const narrowed = narrow(request, subject.claims, settings.audience)
  if (narrowed.kind === 'refused') return narrowed
  const { scope, audience } = narrowed
  const plan = await planFor(subject, { client, scope, audience }, surroundings)
  if (plan.kind === 'refused') return plan
  // Once more, after the instant that the token will bear; see client-credentials-grant.ts.
  if ((await findClient(client.id)) === undefined) return refused({ error: 'invalid_client' })
  const { claims, now } = subject
  const seconds = Math.floor(now / 1000)
  const exp = Math.min(claims.exp, seconds + (client.accessSeconds ?? settings.accessSeconds))
  const whole = { ...plan.plan, ...(actor.act !== undefined && { actor: actor.act }) }
  const accessToken = mintAccessToken(whole, await tokens.signer.signingKey(), now, exp, tokens.random)
  return {
    kind: 'granted',
    outcome: 'exchange',
    response: {
      access_token: accessToken,
      issued_token_type: tokenTypes.accessToken,
      token_type: 'Bearer',
      expires_in: exp - seconds,
      ...(scope.length > 0 && { scope: scope.join(' ') }),
    },
  }
}

function check(token: string, { settings, tokens, clock }: ClientCredentialsSurroundings): Promise<AccessCheck> {
  return checkAccessToken(token, { issuer: settings.issuer, audience: undefined }, { ...tokens, clock })
}

/** Why this client may not exchange this token. */
function faultOf({ claims }: Active, client: ClientRecord, audience: string): RefusalReason | undefined {
  // Whoever presents it would have to prove a key, and nothing here asks for a proof.
  if (claims.cnf !== undefined) return 'wrong_binding'
  if (claims.client_id === client.id) return undefined
  const own = clientResources(client, audience)
  const received = client.exchange === 'received' && audienceOf(claims).some((resource) => own.includes(resource))
  return received ? undefined : 'wrong_client'
}

/** A token that no session of its client stands behind outlives the client, until somebody looks. */
async function faultOfItsClient(
  { claims, standing }: Active,
  { findClient }: ClientCredentialsSurroundings,
): Promise<RefusalReason | undefined> {
  if (standing?.session.clientId === claims.client_id) return undefined
  const client = await findClient(claims.client_id)
  return client === undefined || issuedAt(claims) < client.createdAt ? 'client_removed' : undefined
}

/** What of the subject token's reach the client may have, and wants. */
function narrow(
  { client, parameter, resources, audiences }: GrantRequest,
  claims: AccessTokenClaims,
  defaultAudience: string,
): { readonly kind: 'narrowed'; readonly scope: readonly string[]; readonly audience: readonly string[] } | Refused {
  const own = claims.client_id === client.id
  const granted = claims.scope?.split(' ') ?? []
  const scopes = own ? granted : granted.filter((scope) => client.scopes.includes(scope))
  const reach = own
    ? audienceOf(claims)
    : audienceOf(claims).filter((resource) => clientResources(client, defaultAudience).includes(resource))
  const scope = narrowScope(parameter('scope'), scopes)
  if (scope.kind === 'refused') return scope
  const audience = narrowResources([...resources, ...audiences], reach, reach)
  if (audience.kind === 'refused') return audience
  return { kind: 'narrowed', scope: scope.values, audience: audience.values }
}

/** What the token will hold; claims are asked for anew, as for every token. */
async function planFor(
  { claims, standing }: Active,
  wanted: {
    readonly client: ClientRecord
    readonly scope: readonly string[]
    readonly audience: readonly string[]
  },
  { settings, tokens, claims: hook, report }: ClientCredentialsSurroundings,
): Promise<{ readonly kind: 'planned'; readonly plan: AccessTokenPlan } | Refused> {
  const { client, scope, audience } = wanted
  const { issuer } = settings
  if (standing === undefined) {
    const plan = { issuer, subject: claims.sub, clientId: client.id, audience, scope, application: {} }
    return { kind: 'planned', plan }
  }
  const wishes = { scope: undefined, resources: [], allowedResources: undefined, cookieOverhead: undefined }
  const prepare = preparation({ ...wishes, tokens: 'together' }, { issuer, claims: hook, report })
  const session = { ...standing.session, clientId: client.id, scope, resources: audience }
  const prepared = await prepare(session, standing.user, await tokens.signer.signingKey())
  if (prepared.kind === 'refused') return prepared
  const [plan] = prepared.plans
  if (plan === undefined) throw new Error('one token was to be planned')
  return { kind: 'planned', plan }
}

function malformed(reason: RefusalReason): Refused {
  return refused({ error: 'invalid_request', reason })
}

function refused(refusal: Refusal): Refused {
  return { kind: 'refused', refusal }
}
