import type { AccessTokenClaims } from '@pawl/protocol'

/** What a route asks of an access token beyond being valid. A list always means all of it. */
export interface Requirement {
  /** Scopes that the token must hold, all of them. */
  readonly scope?: readonly string[]
  /** Roles that the user must have: all of a list, or any of `{ any: [...] }`. */
  readonly roles?: readonly string[] | { readonly any: readonly [string, ...string[]] }
}

/** Characters of a scope token (RFC 6749 section 3.3), so that it can stand in a challenge as it is. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * Refuses a requirement that can only be a slip of the pen, where the route is declared rather than at the first request.
 *
 * @throws TypeError
 */
export function assertRequirement(requirement: Requirement): void {
  for (const scope of requirement.scope ?? []) {
    if (!scopeToken.test(scope)) throw new TypeError(`require.scope: ${JSON.stringify(scope)} is not one scope`)
  }
}

/** What the claims lack for a requirement; undefined when nothing. */
export function findShortfall(
  claims: AccessTokenClaims,
  requirement: Requirement,
): 'missing_scope' | 'missing_role' | undefined {
  const scopes = claims.scope?.split(' ') ?? []
  if (!(requirement.scope ?? []).every((scope) => scopes.includes(scope))) return 'missing_scope'
  const held = claims.roles ?? []
  const roles = requirement.roles ?? []
  const enough =
    'any' in roles ? roles.any.some((role) => held.includes(role)) : roles.every((role) => held.includes(role))
  return enough ? undefined : 'missing_role'
}
