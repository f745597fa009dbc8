import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { forgeRefreshToken } from './running-server/refresh-token-form.ts'
import { addClient } from './running-server/registered-clients.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const eventLine = z.looseObject({
  sequence: z.int(),
  event: z.looseObject({ type: z.string(), actor: z.string(), reason: z.string().optional() }),
})

describe.each(engines)('security events on %s', (engine) => {
  test('every change is one event, in order, with who did it and why; nothing else is one (T29.1)', async () => {
    await using server = await startServer({ engine, configuration: { registration: true } })
    const { administration } = server.pawl
    const skipped = await eventually(() => eventsOf(server, 3))

    const bob = { username: 'bob', password: 'marble-orchard-twelve' }
    await server.send('/auth/register', { json: { ...bob, delivery: 'body' } })
    const session = await signIn(server)

    // An advance, a repeat and what is refused without any finding write no event.
    const next = await refresh(server, session.refresh_token)
    await refresh(server, session.refresh_token)
    await tryRefresh(server, forgeRefreshToken(session.refresh_token))
    await tryRefresh(server, 'nonsense')
    await server.send('/auth/login', { json: { ...alice, password: 'not the password of alice' } })
    await server.send('/auth/session', { bearer: 'a.b.c' })

    await addClient(server, { id: 'other', type: 'public', grants: ['refresh_token'] })
    const form = { grant_type: 'refresh_token', client_id: 'other', refresh_token: next.refresh_token }
    await server.send('/oauth/token', { form })
    const attempt_id = 'a'.repeat(22)
    const third = await refresh(server, next.refresh_token, { attempt_id })
    await refresh(server, third.refresh_token, { attempt_id })
    await server.send('/auth/logout', { json: { refresh_token: third.refresh_token } })
    await server.send('/auth/logout', { json: { refresh_token: third.refresh_token } })

    const [here, there, far] = [await signIn(server), await signIn(server), await signIn(server)]
    await server.send(`/auth/sessions/${there.session_id}`, { method: 'DELETE', bearer: here.access_token })
    await administration.revokeSession(far.session_id)
    const json = { current_password: alice.password, new_password: 'copper-meadow-forty-one' }
    await server.send('/auth/password', { json, bearer: here.access_token })
    await server.send('/oauth/revoke', { form: { client_id: 'first-party', token: here.refresh_token } })
    await administration.disableUser(alice.username)
    await administration.removeClient('other')
    const { kid } = await administration.rotateKey()
    await administration.killKey(kid)

    const expected = [
      'user_added user',
      'session_opened user',
      'session_opened user',
      'client_added admin',
      'session_stranger client',
      'attempt_id_reused client',
      'session_ended user logout',
      'session_opened user',
      'session_opened user',
      'session_opened user',
      'session_ended user revoked_by_user',
      'session_ended admin revoked_by_admin',
      'password_changed user',
      'session_ended client logout',
      'user_disabled admin',
      'client_removed admin',
      'signing_key_added admin',
      'signing_key_killed admin',
    ]
    const told = await eventually(() => eventsOf(server, skipped.length + expected.length))
    const events = told.slice(skipped.length).map(({ event }) => event)
    expect(events.map(({ type, actor, reason }) => [type, actor, reason].filter(Boolean).join(' '))).toEqual(expected)
    // Each is told once, and in the order of writing.
    const sequences = told.map(({ sequence }) => sequence)
    expect(sequences).toEqual([...new Set(sequences)].toSorted((one, other) => one - other))
    expect(await eventually(async () => waiting(server))).toBe(0)
  })
})

/** The events told so far; throws while there are fewer. */
function eventsOf(server: StartedServer, count: number): readonly z.infer<typeof eventLine>[] {
  const events = server.log.flatMap((line) => eventLine.safeParse(JSON.parse(line)).data ?? [])
  if (events.length < count) throw new Error(`only ${events.length} events yet: ${JSON.stringify(events)}`)
  return events
}

/** How many events are in the outbox still; throws while there are any. */
async function waiting(server: StartedServer): Promise<number> {
  const { length } = await server.storage.nextEvents(100)
  if (length > 0) throw new Error(`${length} events are waiting`)
  return length
}
