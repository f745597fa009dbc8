import type { Refusal } from '@pawl/protocol'

/** What the rule looks at. */
export interface CrossSiteQuestion {
  readonly secFetchSite: string | undefined
  readonly origin: string | undefined
  /** The request carries a cookie of ours. */
  readonly carriesOurCookies: boolean
  /** The credential stands in the Authorization header or in the body, where no foreign page can make a browser put it. */
  readonly explicitCredential: boolean
  /** Exact origins, the issuer's own among them. */
  readonly trustedOrigins: ReadonlySet<string>
}

/**
 * Whether an unsafe request to `/auth/*` comes from where it should (standards CS-1, CS-2; T27.2). Deterministic: it does
 * not depend on whether a cookie happens to be valid. Undefined: it passes.
 */
export function judgeOrigin(question: CrossSiteQuestion): Refusal | undefined {
  const { secFetchSite, origin, carriesOurCookies, explicitCredential, trustedOrigins } = question
  if (explicitCredential) return undefined
  const trusted = origin !== undefined && trustedOrigins.has(origin)
  if (secFetchSite !== undefined) {
    if (secFetchSite === 'same-origin' || secFetchSite === 'none') return undefined
    if (secFetchSite === 'same-site')
      return trusted ? undefined : { error: 'csrf_rejected', reason: 'untrusted_origin' }
    return { error: 'csrf_rejected', reason: 'cross_site' }
  }
  if (origin !== undefined) return trusted ? undefined : { error: 'csrf_rejected', reason: 'untrusted_origin' }
  return carriesOurCookies ? { error: 'csrf_rejected', reason: 'unproven_origin' } : undefined
}
