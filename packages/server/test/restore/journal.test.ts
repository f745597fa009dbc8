import { describe, expect, test } from 'vitest'
import { readJournal } from '../../src/restore/journal.ts'
import type { SecurityEvent } from '../../src/security-events/security-event.ts'

async function* lines(texts: readonly string[]): AsyncIterable<string> {
  yield* texts
}

/** A line as the server's logger writes it. */
function logged(event: Partial<SecurityEvent> & { readonly type: string }): string {
  const line = { level: 30, time: 1, service: 'pawl', event: { at: 100, actor: 'user', ...event }, sequence: 1 }
  return JSON.stringify({ ...line, msg: event.type })
}

const nothing = {
  events: 0,
  unreadableLines: 0,
  from: null,
  to: null,
  sessions: [],
  disabledUsers: [],
  removedClients: [],
  killedKeys: [],
  changedPasswords: [],
  changedRoles: [],
  addedUsers: [],
  addedClients: [],
}

describe('a journal of security events (F8)', () => {
  test('gives every end of a session with its first reason, whoever it was the end of', async () => {
    const journal = await readJournal(
      lines([
        logged({ type: 'session_replayed', sessionId: 'stolen', reason: 'replay', at: 110 }),
        logged({ type: 'session_ended', sessionId: 'out', reason: 'logout', at: 120 }),
        logged({ type: 'session_ended', sessionId: 'stolen', reason: 'logout', at: 130 }),
        logged({ type: 'session_ended', userId: 'u1', reason: 'revoked_by_user', endedSessions: ['a', 'b'], at: 140 }),
        logged({ type: 'password_changed', userId: 'u1', endedSessions: ['c'], at: 150 }),
        logged({ type: 'user_disabled', userId: 'u2', endedSessions: ['d'], at: 160 }),
        logged({ type: 'client_removed', clientId: 'app', endedSessions: ['e'], at: 170 }),
      ]),
      100,
    )
    expect(journal).toEqual({
      ...nothing,
      events: 7,
      from: 110,
      to: 170,
      sessions: [
        { id: 'stolen', at: 110, reason: 'replay' },
        { id: 'out', at: 120, reason: 'logout' },
        { id: 'a', at: 140, reason: 'revoked_by_user' },
        { id: 'b', at: 140, reason: 'revoked_by_user' },
        { id: 'c', at: 150, reason: 'password_changed' },
        { id: 'd', at: 160, reason: 'user_disabled' },
        { id: 'e', at: 170, reason: 'client_removed' },
      ],
      disabledUsers: [{ id: 'u2', at: 160, reason: undefined }],
      removedClients: [{ id: 'app', at: 170, reason: undefined }],
      changedPasswords: ['u1'],
    })
  })

  test('gives killed keys, and what was added or changed and cannot be done again', async () => {
    const journal = await readJournal(
      lines([
        logged({ type: 'signing_key_killed', keyId: 'k' }),
        logged({ type: 'user_added', userId: 'u1' }),
        logged({ type: 'password_changed', userId: 'u1' }),
        logged({ type: 'password_changed', userId: 'u1' }),
        logged({ type: 'client_added', clientId: 'app' }),
        logged({ type: 'session_opened', sessionId: 's' }),
      ]),
      0,
    )
    expect(journal).toEqual({
      ...nothing,
      events: 6,
      from: 100,
      to: 100,
      killedKeys: [{ id: 'k', at: 100, reason: undefined }],
      changedPasswords: ['u1'],
      addedUsers: ['u1'],
      addedClients: ['app'],
    })
  })

  test('begins at the instant, which is inclusive', async () => {
    const events = [99, 100, 101].map((at) =>
      logged({ type: 'session_ended', sessionId: `s${at}`, reason: 'logout', at }),
    )
    const { sessions } = await readJournal(lines(events), 100)
    expect(sessions.map(({ id }) => id)).toEqual(['s100', 's101'])
  })

  test('passes over the rest of a log, and counts lines that were to be events', async () => {
    const whole = logged({ type: 'session_ended', sessionId: 's', reason: 'logout' })
    const journal = await readJournal(
      lines([
        '',
        'warning: PAWL_ISUER is no setting',
        JSON.stringify({ level: 30, msg: 'request', route: '/auth/refresh' }),
        whole.slice(0, -30),
        JSON.stringify({ event: { type: 'session_ended', at: 'yesterday' } }),
        JSON.stringify({ event: 'restart' }),
        `  ${whole}`,
      ]),
      0,
    )
    expect(journal).toMatchObject({ events: 1, unreadableLines: 3, sessions: [{ id: 's' }] })
    expect(await readJournal(lines([]), 0)).toEqual(nothing)
  })

  test('T6.1 ids that no reader of the revocation feed takes are no ids, and do not get there', async () => {
    const ids = ['', 'a\0b', '\ud800', 'x'.repeat(256)]
    const told = ids.flatMap((id) => [
      logged({ type: 'session_ended', sessionId: id }),
      logged({ type: 'signing_key_killed', keyId: id }),
      logged({ type: 'user_disabled', userId: 'u', endedSessions: [id] }),
    ])
    expect(await readJournal(lines(told), 0)).toEqual({ ...nothing, unreadableLines: told.length })
  })

  test('of a newer release is read as far as it goes: an end for a reason unknown here is an end', async () => {
    const told = [
      JSON.stringify({
        event: { type: 'session_ended', at: 1, sessionId: 's', reason: 'eclipse', moon: { new: true } },
      }),
      JSON.stringify({ event: { type: 'eclipse', at: 1, endedSessions: ['t'] } }),
    ]
    expect((await readJournal(lines(told), 0)).sessions).toEqual([
      { id: 's', at: 1, reason: 'restored' },
      { id: 't', at: 1, reason: 'restored' },
    ])
  })
})
