import { errorTable } from '@pawl/protocol'
import { createVerifier, type KeySetFetch, type Requirement, refusalResponse } from '@pawl/verifier'

/** Answers a request to the example API; `path` is the part below its mount. */
export type ExampleApi = (request: Request, path: string) => Promise<Response>

const routes: ReadonlyMap<string, Requirement> = new Map([
  ['/notes', {}],
  ['/admin-notes', { roles: ['admin'] }],
])

/**
 * The protected API that the page calls: an ordinary resource server, which knows the issuer's public keys and nothing
 * else. It takes bearer tokens only and keeps no skew, for it runs on the issuer's own clock.
 */
export function createExampleApi(options: {
  readonly issuer: string
  readonly audience: string
  readonly fetch: KeySetFetch | undefined
  readonly clock: (() => number) | undefined
}): ExampleApi {
  const { issuer, audience, fetch, clock } = options
  const verifier = createVerifier({
    issuer,
    audience,
    algorithms: ['ES256', 'Ed25519', 'RS256'],
    clockSkewSeconds: 0,
    // Development mode may well stand on plain http at an address of the local network.
    dangerouslyAllowHttp: true,
    ...(fetch !== undefined && { fetch }),
    ...(clock !== undefined && { clock }),
  })
  return async (request, path) => {
    const requirement = routes.get(path)
    if (requirement === undefined) return refuse('not_found')
    if (request.method !== 'GET') return refuse('method_not_allowed')
    const verification = await verifier.verify(request, { require: requirement })
    if (!verification.ok) return refusalResponse(verification.refusal)
    const { sub, sid, jti, exp } = verification.claims
    const notes = ['The tooth holds until the pawl is lifted.', 'Nobody lifts the pawl.']
    return Response.json({ notes, read_as: { sub, sid, jti, exp } }, { headers: { 'Cache-Control': 'no-store' } })
  }
}

function refuse(error: 'not_found' | 'method_not_allowed'): Response {
  const { status, description } = errorTable[error]
  const body = { error, error_description: description, request_id: crypto.randomUUID() }
  return Response.json(body, { status, headers: error === 'method_not_allowed' ? { Allow: 'GET' } : {} })
}
