import { reservedClaims } from '@pawl/protocol'

/** Whom a token speaks of; what an application's claims hook is asked with. */
export interface ClaimsSubject {
  /** `sub` of the token. */
  readonly userId: string
  readonly username: string
  readonly roles: readonly string[]
  readonly clientId: string
  readonly sessionId: string
  readonly scope: readonly string[]
  readonly audience: readonly string[]
}

/**
 * Gives an application's own claims for one access token. Asked at sign-in and at every refresh, before anything is
 * written, so claims are never older than the token. `roles` replaces the stored roles; other names of RFC 9068 are
 * refused. It may take 5 seconds; when it throws or takes longer, the request is answered 503 and nothing changed.
 */
export type ClaimsHook = (
  subject: ClaimsSubject,
) => Promise<Readonly<Record<string, unknown>>> | Readonly<Record<string, unknown>>

const hookMilliseconds = 5_000

/** Claims, or that the hook did not give usable ones; the cause goes to the log, never to the wire. */
export type ApplicationClaims =
  | { readonly kind: 'claims'; readonly claims: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unavailable'; readonly cause: unknown }

/** Asks the hook, if there is one. */
export async function askClaims(hook: ClaimsHook | undefined, subject: ClaimsSubject): Promise<ApplicationClaims> {
  if (hook === undefined) return { kind: 'claims', claims: {} }
  try {
    const claims = await withinTime(Promise.resolve(hook(subject)))
    const problem = problemOf(claims)
    return problem === undefined ? { kind: 'claims', claims } : { kind: 'unavailable', cause: new Error(problem) }
  } catch (cause) {
    return { kind: 'unavailable', cause }
  }
}

async function withinTime<Value>(promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the claims hook took longer than ${hookMilliseconds} ms`)),
      hookMilliseconds,
    )
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function problemOf(claims: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return 'the claims hook gave no object'
  const taken = Object.keys(claims).find((name) => reservedClaims.has(name))
  if (taken !== undefined) return `the claims hook gave the claim ${taken}, which is the server's to set`
  const roles = claims['roles']
  const rolesFit = roles === undefined || (Array.isArray(roles) && roles.every((role) => typeof role === 'string'))
  return rolesFit ? undefined : 'the claims hook gave roles that are no list of strings'
}
