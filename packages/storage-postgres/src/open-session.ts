import { createHash } from 'node:crypto'
import type { SecurityEvent, SessionRecord, SessionStore } from '@pawl/server'
import { isUnstoredClient } from '@pawl/server/registered-client'
import { oneOf, writtenIdBytes } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import { keyIdBytes, termsDocument } from '@pawl/server/stored-records'
import type { Database } from './database.ts'
import { sessionKey, usedColumn, writtenSessionKey } from './session-columns.ts'
import type { Statement, Value } from './statement.ts'

const outcomes = ['opened', 'user_disabled', 'client_removed', 'terms_missing', 'ticket_spent'] as const

/**
 * One statement. It locks the user's row and then the client's, in share mode: whoever disables the one or removes the
 * other waits for it and ends the new session, or has it wait and then see what was done (finding F7).
 */
function opening(schema: string, onTicket: boolean): Statement {
  // The session that granted the ticket is locked, too, and so seen as whoever ended it in the meantime left it.
  const spending = `
      granting AS MATERIALIZED (
        SELECT id FROM "${schema}".sessions
        WHERE id = $28::uuid AND revoked_at IS NULL AND EXISTS (SELECT FROM holder) FOR SHARE
      ),
      spent AS (
        UPDATE "${schema}".tickets SET used_at = $11::bigint, session_id = $27::text
        WHERE hash = $26::bytea AND used_at IS NULL AND expires_at > $11::bigint
          AND EXISTS (SELECT FROM holder, terms, granting) AND ($3 OR EXISTS (SELECT FROM registered))
        RETURNING hash
      ),`
  return {
    name: onTicket ? 'open_session_on_ticket' : 'open_session',
    text: `
      WITH holder AS MATERIALIZED (
        SELECT number FROM "${schema}".users WHERE id = $1 AND disabled_at IS NULL FOR SHARE
      ),
      registered AS MATERIALIZED (
        SELECT id FROM "${schema}".clients WHERE id = $2 AND NOT $3::boolean AND EXISTS (SELECT FROM holder) FOR SHARE
      ),
      terms AS MATERIALIZED (SELECT number FROM "${schema}".session_terms WHERE digest = $4),${onTicket ? spending : ''}
      opened AS (
        INSERT INTO "${schema}".sessions (
          user_number, terms_number, id, generation, token_hash, refresh_key_id, seed, recent, created_at, last_used_at,
          idle_expires_at, absolute_expires_at, repeats, repeat_holders, peeks, revoked_at, revoked_reason, binding,
          opened_address, opened_user_agent, used_address, used_user_agent, authenticated_at
        )
        SELECT holder.number, terms.number, $5::uuid, $6::bigint, $7::bytea, $8::bytea, $9::bytea, $10::bytea,
          $11::bigint, $12::bigint, $13::bigint, $14::bigint, $15::bigint, $16::bytea, $17::bigint, $18::bigint,
          $19::text, $20::text, $21::text, $22::text,
          ${usedColumn('$23::text', '$21::text')}, ${usedColumn('$24::text', '$22::text')}, ${onTicket ? '$29' : '$26'}::bigint
        FROM holder, terms WHERE ($3 OR EXISTS (SELECT FROM registered))${onTicket ? ' AND EXISTS (SELECT FROM spent)' : ''}
        RETURNING id
      ),
      told AS (INSERT INTO "${schema}".security_events (document) SELECT $25::text FROM opened)
      SELECT CASE
        WHEN EXISTS (SELECT FROM opened) THEN 'opened'
        WHEN NOT EXISTS (SELECT FROM holder) THEN 'user_disabled'
        WHEN NOT $3 AND NOT EXISTS (SELECT FROM registered) THEN 'client_removed'
        WHEN NOT EXISTS (SELECT FROM terms) THEN 'terms_missing'
        ELSE 'ticket_spent' END AS outcome`,
  }
}

/** Terms that nobody names do no harm, so they are written before the session and outside of its transaction. */
function writingTerms(schema: string): Statement {
  return {
    name: 'write_terms',
    text: `
      INSERT INTO "${schema}".session_terms (digest, client_id, document) VALUES ($1, $2, $3)
      ON CONFLICT (digest) DO NOTHING`,
  }
}

/** What terms are found by: their document may be longer than an index takes. */
export function digestOfTerms(document: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(document).digest())
}

function valuesOf(
  session: SessionRecord,
  digest: Uint8Array,
  event: SecurityEvent,
  ticket: Parameters<SessionStore['openSession']>[2],
): readonly Value[] {
  return [
    session.userId,
    session.clientId,
    isUnstoredClient(session.clientId),
    digest,
    writtenSessionKey(session.id),
    session.generation,
    session.tokenHash,
    writtenIdBytes(session.refreshKeyId, keyIdBytes),
    session.seed,
    session.recent,
    session.createdAt,
    session.lastUsedAt,
    session.idleExpiresAt,
    session.absoluteExpiresAt,
    session.repeats,
    session.repeatHolders,
    session.peeks,
    session.revokedAt,
    session.revokedReason,
    session.binding,
    session.openedFrom.address,
    session.openedFrom.userAgent,
    session.lastUsedFrom.address,
    session.lastUsedFrom.userAgent,
    eventDocument(event),
    ...(ticket === undefined ? [] : [ticket.hash, session.id, sessionKey(ticket.grantedBy) ?? null]),
    session.authenticatedAt ?? null,
  ]
}

/** Opens sessions in PostgreSQL. */
export function sessionOpening(database: Database, schema: string): SessionStore['openSession'] {
  const open = opening(schema, false)
  const openOnTicket = opening(schema, true)
  const writeTerms = writingTerms(schema)

  return async (session, event, ticket) => {
    const document = termsDocument(session)
    const digest = digestOfTerms(document)
    const values = valuesOf(session, digest, event, ticket)
    for (;;) {
      const [row] = await database.change(ticket === undefined ? open : openOnTicket, values)
      const outcome = oneOf(row ?? {}, 'outcome', outcomes)
      if (outcome !== 'terms_missing') return outcome
      await database.change(writeTerms, [digest, session.clientId, document])
    }
  }
}
