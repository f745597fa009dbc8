import type { Storage } from '@pawl/server'
import { expect } from 'vitest'
import { openBrowser } from './browser.ts'
import { refresh, signIn, tryRefresh } from './first-party-calls.ts'
import { addClient, basic } from './registered-clients.ts'
import type { BodyReply } from './replies.ts'
import type { StartedServer } from './started-server.ts'

/** The verbs of the store that write an event with what they change. */
export type Writer = keyof Storage &
  (
    | 'addClient'
    | 'addRevocation'
    | 'addSigningKey'
    | 'addUser'
    | 'appendEvent'
    | 'changePassword'
    | 'countPeek'
    | 'disableUser'
    | 'endSession'
    | 'endUserSessions'
    | 'killSigningKey'
    | 'moveSession'
    | 'openSession'
    | 'rememberConsent'
    | 'removeClient'
    | 'setRoles'
    | 'withdrawConsent'
  )

/** What is expected of an event; members that are left out do not matter. */
export type Expected = Readonly<Record<string, unknown>>

/** Where a change is made. */
export interface World {
  readonly server: StartedServer
  /** A user of the change's own. */
  readonly user: { readonly username: string; readonly password: string }
  /** Forgets all events so far: what is expected begins here. */
  readonly begin: () => Promise<void>
  /** The client whose sessions sign-ins open from now on. */
  readonly openFor: (clientId: string) => void
  /** Makes the store acknowledge the next move and lose it. */
  readonly loseMove: () => void
}

/** One thing that happens to a server, and the rows of the outbox that it must leave. */
export interface Change {
  readonly title: string
  /** The verb whose event this change shows; undefined where no event is expected. */
  readonly writer?: Writer
  readonly make: (world: World) => Promise<readonly Expected[]>
}

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** Who made a change from this machine. */
export const device = expect.objectContaining({ address: '127.0.0.1' })

/** Signs in and lets what is expected begin there. */
export async function begun({ server, user, begin }: World): Promise<BodyReply> {
  const session = await signIn(server, user)
  await begin()
  return session
}

function aboutSession({ session_id, user }: BodyReply): Expected {
  return { sessionId: session_id, userId: user.id, device }
}

const ended = (session: BodyReply, reason: string, actor = 'user'): Expected => ({
  type: 'session_ended',
  ...aboutSession(session),
  actor,
  reason,
})

/** Takes a session one generation further in its holder's hands than in the store's memory. */
async function aheadOf({ server, loseMove }: World, session: BodyReply): Promise<string> {
  loseMove()
  return (await refresh(server, session.refresh_token)).refresh_token
}

/** Registers a client of the change's own that may exchange tokens. */
export async function peekingClient(world: World, policy: string): Promise<{ readonly authorization: string }> {
  const id = `web-${world.user.username}`
  const grants = ['refresh_token', exchange]
  const headers = basic(id, await addClient(world.server, { id, type: 'confidential', grants, policy }))
  world.openFor(id)
  return headers
}

/** A sign-in, its refreshes, and everything that can end it. */
export const sessionChanges: readonly Change[] = [
  {
    title: 'a sign-in',
    writer: 'openSession',
    make: async ({ server, user }) => {
      const session = await signIn(server, user)
      return [{ type: 'session_opened', actor: 'user', clientId: 'first-party', ...aboutSession(session) }]
    },
  },
  {
    title: 'a sign-in in a browser that was signed in',
    writer: 'endSession',
    make: async ({ server, user, begin }) => {
      const browser = openBrowser(server)
      await browser.send('/auth/login', { json: user })
      await begin()
      await browser.send('/auth/login', { json: user })
      return [{ type: 'session_opened' }, { type: 'session_ended', reason: 'signed_in_again', device }]
    },
  },
  {
    title: 'advances, repeats in the window and by attempt id',
    make: async (world) => {
      const { server } = world
      const session = await begun(world)
      const attempt = { attempt_id: 'a'.repeat(22) }
      const next = await refresh(server, session.refresh_token, attempt)
      await refresh(server, session.refresh_token)
      server.clock.advanceSeconds(60)
      await refresh(server, session.refresh_token, attempt)
      await refresh(server, next.refresh_token)
      return []
    },
  },
  {
    title: 'a peek',
    make: async (world) => {
      const headers = await peekingClient(world, 'rotating')
      const { refresh_token: subject_token } = await begun(world)
      const subject_token_type = 'urn:ietf:params:oauth:token-type:refresh_token'
      const form = { grant_type: exchange, subject_token, subject_token_type }
      expect((await world.server.send('/oauth/token', { form, headers })).status).toBe(200)
      return []
    },
  },
  {
    title: 'a peek with a token that the store has forgotten',
    writer: 'countPeek',
    make: async (world) => {
      const headers = await peekingClient(world, 'rotating')
      const session = await signIn(world.server, world.user)
      const grant = { grant_type: 'refresh_token', refresh_token: session.refresh_token }
      world.loseMove()
      const lost = await world.server.send('/oauth/token', { form: grant, headers })
      await world.begin()
      const subject_token = /pawl_rt_[\w-]+/.exec(lost.text)?.[0] ?? ''
      const subject_token_type = 'urn:ietf:params:oauth:token-type:refresh_token'
      const form = { grant_type: exchange, subject_token, subject_token_type }
      expect((await world.server.send('/oauth/token', { form, headers })).status).toBe(200)
      return [{ type: 'session_ahead_use', ...aboutSession(session) }]
    },
  },
  {
    title: 'an attempt id that was used before',
    writer: 'moveSession',
    make: async (world) => {
      const session = await begun(world)
      const attempt = { attempt_id: 'a'.repeat(22) }
      const next = await refresh(world.server, session.refresh_token, attempt)
      await refresh(world.server, next.refresh_token, attempt)
      return [{ type: 'attempt_id_reused', actor: 'client', ...aboutSession(session) }]
    },
  },
  {
    title: 'a token that the store has forgotten',
    writer: 'moveSession',
    make: async (world) => {
      const session = await begun(world)
      await refresh(world.server, await aheadOf(world, session))
      const evidence = expect.objectContaining({ finding: 'store_lost_writes', lostGenerations: 1 })
      return [{ type: 'session_rolled_forward', ...aboutSession(session), evidence }]
    },
  },
  {
    title: 'theft, and whatever is tried after it',
    writer: 'endSession',
    make: async (world) => {
      const { server } = world
      const session = await begun(world)
      const next = await refresh(server, session.refresh_token)
      server.clock.advanceSeconds(30)
      for (const token of [session, next, session]) {
        expect((await tryRefresh(server, token.refresh_token)).status).toBe(400)
      }
      return [{ type: 'session_replayed', actor: 'client', reason: 'replay', ...aboutSession(session) }]
    },
  },
  {
    title: 'a late token of a shared store',
    writer: 'appendEvent',
    make: async (world) => {
      const { server } = world
      const headers = await peekingClient(world, 'shared-store')
      const session = await begun(world)
      const form = { grant_type: 'refresh_token', refresh_token: session.refresh_token }
      await server.send('/oauth/token', { form, headers })
      server.clock.advanceSeconds(300)
      expect((await server.send('/oauth/token', { form, headers })).status).toBe(400)
      return [{ type: 'session_superseded_use', actor: 'client', ...aboutSession(session) }]
    },
  },
  {
    title: 'a token of another client',
    writer: 'appendEvent',
    make: async (world) => {
      const { server } = world
      const session = await signIn(server, world.user)
      const headers = await peekingClient(world, 'rotating')
      await world.begin()
      const form = { grant_type: 'refresh_token', refresh_token: session.refresh_token }
      expect((await server.send('/oauth/token', { form, headers })).status).toBe(400)
      return [{ type: 'session_stranger', actor: 'client', ...aboutSession(session) }]
    },
  },
  {
    title: 'a sign-out, and a second one',
    writer: 'endSession',
    make: async (world) => {
      const session = await begun(world)
      for (const _ of [1, 2]) {
        await world.server.send('/auth/logout', { json: { refresh_token: session.refresh_token } })
      }
      return [ended(session, 'logout')]
    },
  },
  {
    title: 'a revocation, and a second one',
    writer: 'endSession',
    make: async (world) => {
      const session = await begun(world)
      const form = { token: session.refresh_token, client_id: 'first-party' }
      for (const _ of [1, 2]) expect((await world.server.send('/oauth/revoke', { form })).status).toBe(200)
      return [ended(session, 'logout', 'client')]
    },
  },
  {
    title: 'one session ended from another',
    writer: 'endSession',
    make: async (world) => {
      const [near, far] = [await signIn(world.server, world.user), await begun(world)]
      await world.server.send(`/auth/sessions/${far.session_id}`, { method: 'DELETE', bearer: near.access_token })
      return [ended(far, 'revoked_by_user')]
    },
  },
  {
    title: 'signing out everywhere',
    writer: 'endUserSessions',
    make: async (world) => {
      const sessions = [await signIn(world.server, world.user), await begun(world)]
      const bearer = sessions[1]?.access_token ?? ''
      await world.server.send('/auth/logout-everywhere', { method: 'POST', bearer })
      const endedSessions = expect.arrayContaining(sessions.map(({ session_id }) => session_id))
      return [{ type: 'session_ended', actor: 'user', reason: 'revoked_by_user', device, endedSessions }]
    },
  },
  {
    title: 'an administrator who ends a session',
    writer: 'endSession',
    make: async (world) => {
      const { session_id } = await begun(world)
      await world.server.pawl.administration.revokeSession(session_id)
      return [{ type: 'session_ended', actor: 'admin', reason: 'revoked_by_admin', sessionId: session_id }]
    },
  },
  {
    title: 'an administrator who ends all sessions of a user',
    writer: 'endUserSessions',
    make: async (world) => {
      const { session_id, user } = await begun(world)
      await world.server.pawl.administration.revokeUserSessions(world.user.username)
      const endedSessions = [session_id]
      return [{ type: 'session_ended', actor: 'admin', reason: 'revoked_by_admin', userId: user.id, endedSessions }]
    },
  },
  {
    title: 'requests that are refused, and those that only look',
    make: async (world) => {
      const { server, user } = world
      const session = await begun(world)
      await server.send('/auth/login', { json: { ...user, password: 'wrong' } })
      await tryRefresh(server, 'nonsense')
      await tryRefresh(server, session.refresh_token, { attempt_id: 'short' })
      await server.send('/auth/refresh', { json: {}, headers: { origin: 'https://evil.example' } })
      await server.send('/auth/logout', { json: {} })
      await server.send('/auth/session', { bearer: session.access_token })
      await server.send('/auth/sessions', { bearer: session.access_token })
      await server.send('/oauth/jwks')
      server.clock.advanceSeconds(2_592_000)
      await tryRefresh(server, session.refresh_token)
      return []
    },
  },
]
