import type { Ticket, TicketStore } from '@pawl/server'
import { flag, storableText } from '@pawl/server/stored-columns'
import { ticketRecord } from '@pawl/server/stored-records'
import type { Database } from './database.ts'
import { reading, type Statement, type Value } from './statement.ts'

const columns = `
  hash, kind, client_id, user_id, user_code_hash, document, created_at, expires_at, used_at, session_id, polled_at`
const places = `
  $1::bytea, $2::text, $3::text, $4::text, $5::bytea, $6::text, $7::bigint, $8::bigint, $9::bigint, $10::text,
  $11::bigint`

function valuesOf(ticket: Ticket): readonly Value[] {
  return [
    ticket.hash,
    ticket.kind,
    storableText(ticket.clientId),
    ticket.userId,
    ticket.userCodeHash,
    ticket.document,
    ticket.createdAt,
    ticket.expiresAt,
    ticket.usedAt,
    ticket.sessionId,
    ticket.polledAt,
  ]
}

/** Tickets in PostgreSQL. Each verb is one statement, so that of many at once one wins. */
export function postgresTickets(database: Database, schema: string): TicketStore {
  const tickets = `"${schema}".tickets`
  const isUsable = (now: string) => `used_at IS NULL AND expires_at > ${now}`
  const add: Statement = {
    name: 'add_ticket',
    text: `
      INSERT INTO ${tickets} (${columns})
      SELECT ${places} WHERE $12::bigint > (
        SELECT count(*) FROM (
          SELECT FROM ${tickets} WHERE client_id = $3 AND kind = $2 AND expires_at > $7 LIMIT $12
        ) AS live
      )
      RETURNING true AS is_added`,
  }
  const exchange: Statement = {
    name: 'exchange_ticket',
    text: `
      WITH spent AS (
        UPDATE ${tickets} SET used_at = $7::bigint WHERE hash = $12::bytea AND ${isUsable('$7::bigint')} RETURNING hash
      )
      INSERT INTO ${tickets} (${columns}) SELECT ${places} FROM spent RETURNING true AS is_added`,
  }
  const find = reading('find_ticket', `SELECT ${columns} FROM ${tickets} WHERE hash = $2::bytea`)
  const findByUserCode = reading(
    'find_ticket_by_user_code',
    `SELECT ${columns} FROM ${tickets} WHERE user_code_hash = $2::bytea`,
  )
  const decide: Statement = {
    name: 'decide_ticket',
    text: `
      UPDATE ${tickets} SET user_id = $2::text, document = $3::text
      WHERE hash = $1::bytea AND user_id IS NULL AND ${isUsable('$4::bigint')} RETURNING true AS is_decided`,
  }
  const poll: Statement = {
    name: 'poll_ticket',
    text: `
      WITH before AS MATERIALIZED (SELECT hash, polled_at FROM ${tickets} WHERE hash = $1::bytea FOR UPDATE),
      noted AS (UPDATE ${tickets} SET polled_at = $2::bigint FROM before WHERE tickets.hash = before.hash)
      SELECT polled_at IS NULL OR polled_at <= $3::bigint AS is_due FROM before`,
  }
  const removeEnded: Statement = {
    name: 'remove_ended_tickets',
    text: `
      WITH ended AS MATERIALIZED (
        SELECT hash FROM ${tickets} WHERE expires_at <= $1::bigint
        ORDER BY expires_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED
      )
      DELETE FROM ${tickets} USING ended WHERE tickets.hash = ended.hash RETURNING true AS is_removed`,
  }

  async function read(statement: Statement, hash: Uint8Array) {
    const { now, rows } = await database.read(statement, [hash])
    const [row] = rows
    return { now, ticket: row && ticketRecord(row) }
  }

  return {
    addTicket: async (ticket, mostLive) => (await database.change(add, [...valuesOf(ticket), mostLive])).length > 0,
    exchangeTicket: async (hash, ticket) => (await database.change(exchange, [...valuesOf(ticket), hash])).length > 0,
    findTicket: (hash) => read(find, hash),
    findTicketByUserCode: (hash) => read(findByUserCode, hash),
    decideTicket: async ({ hash, userId, document, now }) =>
      (await database.change(decide, [hash, userId, document, now])).length > 0,
    async pollTicket({ hash, now, lastBefore }) {
      const [row] = await database.change(poll, [hash, now, lastBefore])
      return row !== undefined && flag(row, 'is_due')
    },
    removeEndedTickets: async (endedBefore, limit) => (await database.change(removeEnded, [endedBefore, limit])).length,
  }
}
