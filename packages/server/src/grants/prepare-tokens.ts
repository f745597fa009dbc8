import type { Refusal } from '@pawl/protocol'
import { type AccessTokenPlan, accessTokenLength } from '../tokens/access-token.ts'
import type { PrepareTokens } from '../tokens/refresh-session.ts'
import { refreshTokenLength } from '../tokens/refresh-token.ts'
import { askClaims, type ClaimsHook } from './application-claims.ts'
import { narrowResources, narrowScope } from './requested-scope.ts'

/** What a request wants its access tokens to hold. */
export interface TokenWishes {
  readonly scope: string | undefined
  readonly resources: readonly string[]
  /** Resources it may choose from: any registered one for the first party; undefined: those of its session (standards RI-1). */
  readonly allowedResources: readonly string[] | undefined
  /**
   * `together`: one token for all named resources. `each`: one token for each of them. `default-and-each`: one for the
   * default resource first, for the access cookie, and one for each that was named.
   */
  readonly tokens: 'together' | 'each' | 'default-and-each'
  /** Bytes that cookies take beside the access token's value; undefined: the tokens travel in the body. */
  readonly cookieOverhead: number | undefined
}

/** Cookies of ours on one request stay under this many bytes (standards CK-2 leaves 4,096 to each; proxies far less to all). */
const cookieBudget = 2_048

/** Told of what goes wrong in the application's own code. */
export type ReportHookFailure = (cause: unknown) => void

/** Makes the step that runs before the write of a sign-in or refresh: everything that can refuse or fail. */
export function preparation(
  wishes: TokenWishes,
  surroundings: {
    readonly issuer: string
    readonly claims: ClaimsHook | undefined
    readonly report: ReportHookFailure
  },
): PrepareTokens {
  return async (session, user, signingKey) => {
    const scope = narrowScope(wishes.scope, session.scope)
    if (scope.kind === 'refused') return scope
    const resources = narrowResources(wishes.resources, wishes.allowedResources ?? session.resources, session.resources)
    if (resources.kind === 'refused') return resources

    const plans: AccessTokenPlan[] = []
    for (const audience of audiences(wishes, resources.values, session.resources)) {
      const application = await askClaims(surroundings.claims, {
        userId: user.id,
        username: user.username,
        roles: user.roles,
        clientId: session.clientId,
        sessionId: session.id,
        scope: scope.values,
        audience,
      })
      if (application.kind === 'unavailable') {
        surroundings.report(application.cause)
        return refused({ error: 'temporarily_unavailable', reason: 'claims_unavailable', retryAfterSeconds: 1 })
      }
      plans.push({
        issuer: surroundings.issuer,
        subject: user.id,
        clientId: session.clientId,
        audience,
        scope: scope.values,
        session: {
          id: session.id,
          authenticatedAt: session.authenticatedAt ?? session.createdAt,
          acr: session.acr,
          amr: session.amr,
          roles: user.roles,
          binding: session.binding,
        },
        application: application.claims,
      })
    }
    const [first] = plans
    if (wishes.cookieOverhead !== undefined && first !== undefined) {
      // Never a silent drop: browsers discard what is too large without a word (T19.1, T19.2).
      const bytes = wishes.cookieOverhead + refreshTokenLength + accessTokenLength(first, signingKey)
      if (bytes > cookieBudget) return refused({ error: 'cookie_budget_exceeded' })
    }
    return { kind: 'prepared', plans }
  }
}

function audiences(
  wishes: TokenWishes,
  resources: readonly string[],
  granted: readonly string[],
): readonly (readonly string[])[] {
  if (wishes.tokens === 'together' || wishes.resources.length === 0) return [resources]
  const each = resources.map((resource) => [resource])
  return wishes.tokens === 'each' ? each : [granted, ...each]
}

function refused(refusal: Refusal): { readonly kind: 'refused'; readonly refusal: Refusal } {
  return { kind: 'refused', refusal }
}
