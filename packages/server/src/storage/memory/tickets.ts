import type { Ticket, TicketStore } from '../../authorizations/ticket-store.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import type { OpeningTicket } from '../../tokens/session-store.ts'
import { detached, type MemoryState } from './state.ts'

const keyOf = (hash: Uint8Array): string => Buffer.from(hash).toString('hex')

function countsAt(ticket: Ticket | undefined, now: number): ticket is Ticket {
  return ticket !== undefined && ticket.usedAt === null && ticket.expiresAt > now
}

/** Uses up the ticket that a session is opened on. False: it cannot be used. */
export function spendTicket(state: MemoryState, { hash, grantedBy }: OpeningTicket, session: SessionRecord): boolean {
  const ticket = state.tickets.get(keyOf(hash))
  const granting = state.sessions.get(grantedBy)
  if (!countsAt(ticket, session.createdAt) || granting === undefined || granting.revokedAt !== null) return false
  state.tickets.set(keyOf(hash), { ...ticket, usedAt: session.createdAt, sessionId: session.id })
  return true
}

/** Tickets in memory. No function awaits between its check and its write: that makes each of them atomic. */
export function memoryTickets(state: MemoryState): TicketStore {
  function write(ticket: Ticket): void {
    const key = keyOf(ticket.hash)
    if (state.tickets.has(key)) throw new Error('a ticket of that handle exists')
    state.tickets.set(key, detached(ticket))
  }

  return {
    async addTicket(ticket, mostLive) {
      const live = [...state.tickets.values()].filter(
        (other) =>
          other.kind === ticket.kind && other.clientId === ticket.clientId && other.expiresAt > ticket.createdAt,
      )
      if (live.length >= mostLive) return false
      write(ticket)
      return true
    },

    async exchangeTicket(hash, ticket) {
      const spent = state.tickets.get(keyOf(hash))
      if (!countsAt(spent, ticket.createdAt)) return false
      write(ticket)
      state.tickets.set(keyOf(hash), { ...spent, usedAt: ticket.createdAt })
      return true
    },

    async findTicket(hash) {
      return { now: state.clock(), ticket: detached(state.tickets.get(keyOf(hash))) }
    },

    async findTicketByUserCode(hash) {
      const key = keyOf(hash)
      const ticket = [...state.tickets.values()].find(
        ({ userCodeHash }) => userCodeHash !== null && keyOf(userCodeHash) === key,
      )
      return { now: state.clock(), ticket: detached(ticket) }
    },

    async decideTicket({ hash, userId, document, now }) {
      const ticket = state.tickets.get(keyOf(hash))
      if (!countsAt(ticket, now) || ticket.userId !== null) return false
      state.tickets.set(keyOf(hash), { ...ticket, userId, document })
      return true
    },

    async pollTicket({ hash, now, lastBefore }) {
      const ticket = state.tickets.get(keyOf(hash))
      if (ticket === undefined) return false
      state.tickets.set(keyOf(hash), { ...ticket, polledAt: now })
      return ticket.polledAt === null || ticket.polledAt <= lastBefore
    },

    async removeEndedTickets(endedBefore, limit) {
      const ended = [...state.tickets].filter(([, { expiresAt }]) => expiresAt <= endedBefore).slice(0, limit)
      for (const [key] of ended) state.tickets.delete(key)
      return ended.length
    },
  }
}
