import { createHash } from 'node:crypto'
import type { SecurityEvent, SessionRecord, SessionStore } from '@pawl/server'
import { isUnstoredClient } from '@pawl/server/registered-client'
import { oneOf, writtenIdBytes } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import { keyIdBytes, termsDocument } from '@pawl/server/stored-records'
import type { Database } from './database.ts'
import { usedColumn, writtenSessionKey } from './session-columns.ts'
import type { Statement, Value } from './statement.ts'

const outcomes = ['opened', 'user_disabled', 'client_removed', 'terms_missing'] as const

/**
 * One statement. It locks the user's row and then the client's, in share mode: whoever disables the one or removes the
 * other waits for it and ends the new session, or has it wait and then see what was done (finding F7).
 */
function opening(schema: string): Statement {
  return {
    name: 'open_session',
    text: `
      WITH holder AS MATERIALIZED (
        SELECT number FROM "${schema}".users WHERE id = $1 AND disabled_at IS NULL FOR SHARE
      ),
      registered AS MATERIALIZED (
        SELECT id FROM "${schema}".clients WHERE id = $2 AND NOT $3::boolean AND EXISTS (SELECT FROM holder) FOR SHARE
      ),
      terms AS MATERIALIZED (SELECT number FROM "${schema}".session_terms WHERE digest = $4),
      opened AS (
        INSERT INTO "${schema}".sessions (
          user_number, terms_number, id, generation, token_hash, refresh_key_id, seed, recent, created_at, last_used_at,
          idle_expires_at, absolute_expires_at, repeats, repeat_holders, peeks, revoked_at, revoked_reason, binding,
          opened_address, opened_user_agent, used_address, used_user_agent
        )
        SELECT holder.number, terms.number, $5::uuid, $6::bigint, $7::bytea, $8::bytea, $9::bytea, $10::bytea,
          $11::bigint, $12::bigint, $13::bigint, $14::bigint, $15::bigint, $16::bytea, $17::bigint, $18::bigint,
          $19::text, $20::text, $21::text, $22::text,
          ${usedColumn('$23::text', '$21::text')}, ${usedColumn('$24::text', '$22::text')}
        FROM holder, terms WHERE $3 OR EXISTS (SELECT FROM registered)
        RETURNING id
      ),
      told AS (INSERT INTO "${schema}".security_events (document) SELECT $25::text FROM opened)
      SELECT CASE
        WHEN EXISTS (SELECT FROM opened) THEN 'opened'
        WHEN NOT EXISTS (SELECT FROM holder) THEN 'user_disabled'
        WHEN NOT $3 AND NOT EXISTS (SELECT FROM registered) THEN 'client_removed'
        ELSE 'terms_missing' END AS outcome`,
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

function valuesOf(session: SessionRecord, digest: Uint8Array, event: SecurityEvent): readonly Value[] {
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
  ]
}

/** Opens sessions in PostgreSQL. */
export function sessionOpening(database: Database, schema: string): SessionStore['openSession'] {
  const open = opening(schema)
  const writeTerms = writingTerms(schema)

  return async (session, event) => {
    const document = termsDocument(session)
    const digest = digestOfTerms(document)
    const values = valuesOf(session, digest, event)
    for (;;) {
      const [row] = await database.change(open, values)
      const outcome = oneOf(row ?? {}, 'outcome', outcomes)
      if (outcome !== 'terms_missing') return outcome
      await database.change(writeTerms, [digest, session.clientId, document])
    }
  }
}
