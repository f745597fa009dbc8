import type { Ticket, TicketStore } from '../../authorizations/ticket-store.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import type { OpeningTicket } from '../../tokens/session-store.ts'
import { idBytes } from '../stored-columns.ts'
import { sessionIdBytes, ticketRecord } from '../stored-records.ts'
import type { Database, Values } from './database.ts'
import type { SqliteStorageOptions } from './options.ts'

const insert = `
  INSERT INTO tickets (
    hash, kind, client_id, user_id, user_code_hash, document, created_at, expires_at, used_at, session_id, polled_at
  ) VALUES (
    :hash, :kind, :clientId, :userId, :userCodeHash, :document, :createdAt, :expiresAt, :usedAt, :sessionId, :polledAt
  )`

const countLive = `
  SELECT count(*) AS live FROM (
    SELECT 1 FROM tickets WHERE client_id = :clientId AND kind = :kind AND expires_at > :createdAt LIMIT :mostLive
  )`

const isUsable = 'used_at IS NULL AND expires_at > :now'

const spend = `UPDATE tickets SET used_at = :now WHERE hash = :hash AND ${isUsable}`

const spendFor = `
  UPDATE tickets SET used_at = :now, session_id = :sessionId WHERE hash = :hash AND ${isUsable}
    AND EXISTS (SELECT 1 FROM sessions WHERE sessions.id = :grantedBy AND revoked_at IS NULL)`

const find = 'SELECT * FROM tickets WHERE hash = :hash'
const findByUserCode = 'SELECT * FROM tickets WHERE user_code_hash = :hash'

const decide = `
  UPDATE tickets SET user_id = :userId, document = :document WHERE hash = :hash AND user_id IS NULL AND ${isUsable}`

const lastPoll = 'SELECT polled_at IS NULL OR polled_at <= :lastBefore AS is_due FROM tickets WHERE hash = :hash'
const notePoll = 'UPDATE tickets SET polled_at = :now WHERE hash = :hash'

const removeEnded = `
  DELETE FROM tickets WHERE hash IN
    (SELECT hash FROM tickets WHERE expires_at <= :endedBefore ORDER BY expires_at LIMIT :limit)`

/** Uses up the ticket that a session is opened on, inside a transaction. False: it cannot be used. */
export function spendTicket(database: Database, { hash, grantedBy }: OpeningTicket, session: SessionRecord): boolean {
  const granting = idBytes(grantedBy, sessionIdBytes)
  const values = { hash, now: session.createdAt, sessionId: session.id, grantedBy: granting ?? null }
  return database.run(spendFor, values) > 0
}

function valuesOf(ticket: Ticket): Values {
  return { ...ticket }
}

/** Tickets in SQLite. */
export function sqliteTickets(database: Database, { clock }: SqliteStorageOptions): TicketStore {
  return {
    async addTicket(ticket, mostLive) {
      const { clientId, kind, createdAt } = ticket
      return database.transaction(() => {
        const live = database.get(countLive, { clientId, kind, createdAt, mostLive })
        if (Number(live?.['live']) >= mostLive) return false
        database.run(insert, valuesOf(ticket))
        return true
      })
    },

    async exchangeTicket(hash, ticket) {
      return database.transaction(() => {
        if (database.run(spend, { hash, now: ticket.createdAt }) === 0) return false
        database.run(insert, valuesOf(ticket))
        return true
      })
    },

    async findTicket(hash) {
      const row = database.get(find, { hash })
      return { now: clock(), ticket: row && ticketRecord(row) }
    },

    async findTicketByUserCode(hash) {
      const row = database.get(findByUserCode, { hash })
      return { now: clock(), ticket: row && ticketRecord(row) }
    },

    async decideTicket(decision) {
      return database.transaction(() => database.run(decide, decision) > 0)
    },

    async pollTicket({ hash, now, lastBefore }) {
      return database.transaction(() => {
        const due = database.get(lastPoll, { hash, lastBefore })
        database.run(notePoll, { hash, now })
        return due?.['is_due'] === 1
      })
    },

    async removeEndedTickets(endedBefore, limit) {
      return database.transaction(() => database.run(removeEnded, { endedBefore, limit }))
    },
  }
}
