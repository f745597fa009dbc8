import type { Refusal } from '@pawl/protocol'
import { type DeviceAuthorization, findByDeviceCode, notePoll } from '../authorizations/device-authorization.ts'
import type { ClientRecord } from '../registered-clients/client.ts'
import type { AuthorizationCodeSurroundings } from './authorization-code-grant.ts'
import type { Grant, GrantOutcome } from './grant.ts'
import { openClientSession } from './open-client-session.ts'
import { narrowResources } from './requested-scope.ts'

/**
 * `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 section 3.4, standards DG-1 to DG-3): asked again
 * and again by a client until the person has decided. The code is used up in the transaction that opens the session.
 */
export function deviceCodeGrant(surroundings: AuthorizationCodeSurroundings): Grant {
  const { tickets, tokens } = surroundings
  return async (request) => {
    const { client, parameter, device } = request
    const code = parameter('device_code')
    if (code === undefined) return refused({ error: 'invalid_request', reason: 'missing_parameter' })
    const found = await findByDeviceCode(code, tickets)
    const fault = faultOf(found, client)
    if (found === undefined || fault !== undefined) return refused(fault ?? unknownCode)
    if (!(await notePoll(found, tickets))) return refused({ error: 'slow_down' })
    const { ticket, document } = found
    const { decision, scope } = document
    if (decision?.allowed !== true) {
      return refused({ error: decision === null ? 'authorization_pending' : 'access_denied' })
    }
    const resources = narrowResources(request.resources, document.resources, document.resources)
    if (resources.kind === 'refused') return resources

    const reading = await tokens.sessions.readSession(decision.grantedBy)
    if (reading.user === undefined) return refused(unknownCode)
    const { authenticatedAt, amr, grantedBy } = decision
    return openClientSession(
      {
        now: reading.now,
        user: reading.user,
        scope,
        resources: document.resources,
        nonce: undefined,
        authenticatedAt,
        acr: null,
        amr,
        ticket: { hash: ticket.hash, grantedBy },
      },
      { client, device, resources: request.resources },
      surroundings,
    )
  }
}

const unknownCode: Refusal = { error: 'invalid_grant', reason: 'unknown_code' }

/** Why a code cannot be asked about, whatever was decided. */
function faultOf(found: DeviceAuthorization | undefined, client: ClientRecord): Refusal | undefined {
  // A client that was registered anew under the id of a removed one is another one.
  if (found === undefined || client.createdAt > found.ticket.createdAt) return unknownCode
  const { ticket, now } = found
  if (ticket.clientId !== client.id) return { error: 'invalid_grant', reason: 'wrong_client' }
  if (ticket.usedAt !== null) return unknownCode
  return ticket.expiresAt <= now ? { error: 'expired_token' } : undefined
}

function refused(refusal: Refusal): GrantOutcome {
  return { kind: 'refused', refusal }
}
