import { type AccessTokenClaims, type RefusalReason, tokenTypes } from '@pawl/protocol'
import type { AccessCheck } from '../tokens/check-access-token.ts'
import type { GrantRequest } from './grant.ts'

/** An `act` claim. */
export type ActClaim = Readonly<Record<string, unknown>>

/** Who acts for the subject from now on; `act` is absent where nobody does. */
export type ActingParty =
  | { readonly kind: 'told'; readonly act: ActClaim | undefined }
  | { readonly kind: 'refused'; readonly reason: RefusalReason }

/** So many parties may have acted one after the other: each makes the token longer. */
const longestChain = 8

/**
 * Reads who acts (RFC 8693 sections 2.1 and 4.1, standards TX-2): the subject of an access token that was issued to the
 * exchanging client itself. It stands before those who acted earlier, whom no exchange leaves out.
 *
 * @param check looks at a token with the store at hand
 */
export async function actorOf(
  { client, parameter }: GrantRequest,
  subject: AccessTokenClaims,
  check: (token: string) => Promise<AccessCheck>,
): Promise<ActingParty> {
  const [token, type] = [parameter('actor_token'), parameter('actor_token_type')]
  const refused = (reason: RefusalReason): ActingParty => ({ kind: 'refused', reason })
  // The type stands beside the token and never alone.
  if (token === undefined && type !== undefined) return refused('malformed_parameter')
  const earlier = readClaim(subject['act'])
  if (token === undefined) return { kind: 'told', act: earlier }
  if (type === undefined) return refused('missing_parameter')
  if (type !== tokenTypes.accessToken) return refused('malformed_parameter')
  const actor = await check(token)
  if (actor.kind === 'refused') return actor
  const { claims } = actor
  if (claims.client_id !== client.id) return refused('wrong_client')
  if (claims.cnf !== undefined) return refused('wrong_binding')
  // Somebody who is acted for does not act for others.
  if (claims['act'] !== undefined) return refused('wrong_type')
  if (lengthOf(earlier) >= longestChain) return refused('too_many_actors')
  return { kind: 'told', act: { sub: claims.sub, ...(earlier !== undefined && { act: earlier }) } }
}

function lengthOf(act: ActClaim | undefined): number {
  return act === undefined ? 0 : 1 + lengthOf(readClaim(act['act']))
}

function readClaim(value: unknown): ActClaim | undefined {
  return isClaim(value) ? value : undefined
}

function isClaim(value: unknown): value is ActClaim {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
