import type { RefusalReason } from '@pawl/protocol'
import { findCode, type PresentedCode } from '../authorizations/authorization-code.ts'
import { provesChallenge } from '../authorizations/code-verifier.ts'
import type { TicketStore } from '../authorizations/ticket-store.ts'
import { endSession } from '../tokens/end-session.ts'
import type { Grant, GrantOutcome, GrantRequest } from './grant.ts'
import { type OpeningSurroundings, openClientSession } from './open-client-session.ts'
import { narrowResources } from './requested-scope.ts'

/** What this grant works with. */
export interface AuthorizationCodeSurroundings extends OpeningSurroundings {
  readonly tickets: TicketStore
}

/**
 * `grant_type=authorization_code` (RFC 6749 section 4.1.3, standards TK-1 to TK-6). Everything that can be wrong with the
 * request is looked at before the code is: a second use ends what came of the first only if it would have been good
 * (TK-3), so that whoever merely saw a code can do nothing with it, not even harm.
 */
export function authorizationCodeGrant(surroundings: AuthorizationCodeSurroundings): Grant {
  const { tickets, tokens } = surroundings

  async function refuseReplay(code: string, request: GrantRequest): Promise<GrantOutcome> {
    const again = await findCode(code, tickets)
    const sessionId = again?.ticket.sessionId ?? undefined
    if (again !== undefined && sessionId !== undefined) {
      const session = { id: sessionId, userId: again.ticket.userId ?? '', clientId: again.ticket.clientId }
      const { now } = again
      await endSession(
        { session, now, reason: 'code_replayed', actor: 'client', device: request.device },
        { sessions: tokens.sessions },
      )
    }
    return refused('unknown_code')
  }

  return async (request) => {
    const { client, parameter } = request
    const code = parameter('code')
    if (code === undefined)
      return { kind: 'refused', refusal: { error: 'invalid_request', reason: 'missing_parameter' } }
    const presented = await findCode(code, tickets)
    // A client that was registered anew under the id of a removed one is another one.
    if (presented === undefined || client.createdAt > presented.ticket.createdAt) return refused('unknown_code')
    const fault = faultOf(presented, request)
    if (fault !== undefined) return refused(fault)
    const { ticket, document } = presented
    if (ticket.usedAt !== null) return refuseReplay(code, request)
    if (ticket.expiresAt <= presented.now) return refused('unknown_code')
    const resources = narrowResources(request.resources, document.resources, document.resources)
    if (resources.kind === 'refused') return resources

    const { user, now } = await tokens.sessions.readSession(document.grantedBy)
    if (user === undefined) return refused('unknown_code')
    const outcome = await openClientSession(
      {
        now,
        user,
        scope: document.scope,
        resources: document.resources,
        nonce: document.nonce,
        authenticatedAt: document.authenticatedAt,
        acr: document.acr,
        amr: document.amr,
        ticket: { hash: ticket.hash, grantedBy: document.grantedBy },
      },
      { client, device: request.device, resources: request.resources },
      surroundings,
    )
    const spent = outcome.kind === 'refused' && outcome.refusal.reason === 'unknown_code'
    return spent ? refuseReplay(code, request) : outcome
  }
}

/** What is wrong with a request beside the code's own state, which nothing of this changes. */
function faultOf({ ticket, document }: PresentedCode, { client, parameter }: GrantRequest): RefusalReason | undefined {
  if (ticket.clientId !== client.id) return 'wrong_client'
  // OAuth 2.1 leaves it out here; who sends it is held to it (standards TK-5).
  const redirectUri = parameter('redirect_uri')
  if (redirectUri !== undefined && redirectUri !== document.redirectUri) return 'wrong_redirect_uri'
  return provesChallenge(parameter('code_verifier'), document.codeChallenge) ? undefined : 'wrong_code_verifier'
}

function refused(reason: RefusalReason): GrantOutcome {
  return { kind: 'refused', refusal: { error: 'invalid_grant', reason } }
}
