import { expect } from 'vitest'
import { begun, type Change, device, peekingClient, type World } from './audited-changes.ts'
import { authorizationQuery, type Person, sitDown } from './authorization.ts'
import { signIn } from './first-party-calls.ts'
import { addClient } from './registered-clients.ts'

const callback = 'https://app.example/callback'

/** A user who signs in at the pages and allows a client of the change's own what it asks for. */
async function allowing({ server, user }: World): Promise<{ readonly clientId: string; readonly person: Person }> {
  const clientId = `pages-${user.username}`
  const grants = ['authorization_code']
  await addClient(server, { id: clientId, type: 'public', redirectUris: [callback], grants, scopes: ['read'] })
  const person = sitDown(server)
  const path = authorizationQuery({ client_id: clientId, scope: 'read' })
  await person.send(await person.send(await person.open(path), user), { allow: 'yes' })
  return { clientId, person }
}

/** What is changed about users, clients and keys. */
export const accountChanges: readonly Change[] = [
  {
    title: 'a new user',
    writer: 'addUser',
    make: async ({ server, begin }) => {
      await begin()
      await server.addUser('newcomer', 'amber-lantern-thirty-two')
      return [{ type: 'user_added', actor: 'admin' }]
    },
  },
  {
    title: 'a user who registers, and so signs in',
    writer: 'addUser',
    make: async ({ server, begin }) => {
      await begin()
      const json = { username: 'registered', password: 'amber-lantern-thirty-two', delivery: 'body' }
      expect((await server.send('/auth/register', { json })).status).toBe(201)
      return [
        { type: 'user_added', actor: 'user', device },
        { type: 'session_opened', device },
      ]
    },
  },
  {
    title: 'a user who changes the password, which ends the other sessions',
    writer: 'changePassword',
    make: async (world) => {
      const other = await signIn(world.server, world.user)
      const session = await begun(world)
      const json = { current_password: world.user.password, new_password: 'cobalt-lantern-thirty-two' }
      const reply = await world.server.send('/auth/password', { json, bearer: session.access_token })
      expect(reply.status).toBe(204)
      const endedSessions = [other.session_id]
      return [{ type: 'password_changed', actor: 'user', userId: session.user.id, device, endedSessions }]
    },
  },
  {
    title: 'an administrator who sets a password, which ends all sessions',
    writer: 'changePassword',
    make: async (world) => {
      const { session_id, user } = await begun(world)
      await world.server.pawl.administration.setPassword(world.user.username, 'cobalt-lantern-thirty-two')
      return [{ type: 'password_changed', actor: 'admin', userId: user.id, endedSessions: [session_id] }]
    },
  },
  {
    title: 'a user who allows a client something',
    writer: 'rememberConsent',
    make: async (world) => {
      await world.begin()
      const { clientId } = await allowing(world)
      return [
        { type: 'client_added' },
        { type: 'session_opened', clientId: 'pages', device },
        { type: 'consent_given', actor: 'user', clientId, device },
      ]
    },
  },
  {
    title: 'a user who takes that back',
    writer: 'withdrawConsent',
    make: async (world) => {
      const { clientId } = await allowing(world)
      const session = await begun(world)
      const bearer = session.access_token
      const reply = await world.server.send(`/auth/consents/${clientId}`, { method: 'DELETE', bearer })
      expect(reply.status).toBe(204)
      return [
        { type: 'consent_withdrawn', actor: 'user', userId: session.user.id, clientId, device, endedSessions: [] },
      ]
    },
  },
  {
    title: 'a user who is disabled, which ends all sessions',
    writer: 'disableUser',
    make: async (world) => {
      const { session_id, user } = await begun(world)
      for (const _ of [1, 2]) await world.server.pawl.administration.disableUser(world.user.username)
      return [{ type: 'user_disabled', actor: 'admin', userId: user.id, endedSessions: [session_id] }]
    },
  },
  {
    title: 'a client that is registered',
    writer: 'addClient',
    make: async ({ server, begin }) => {
      await begin()
      await addClient(server, { id: 'added', type: 'public' })
      return [{ type: 'client_added', actor: 'admin', clientId: 'added' }]
    },
  },
  {
    title: 'a client that is removed, which ends its sessions',
    writer: 'removeClient',
    make: async (world) => {
      await peekingClient(world, 'rotating')
      const { session_id } = await begun(world)
      const clientId = `web-${world.user.username}`
      await world.server.pawl.administration.removeClient(clientId)
      return [{ type: 'client_removed', actor: 'admin', clientId, endedSessions: [session_id] }]
    },
  },
  {
    title: 'other roles of a user',
    writer: 'setRoles',
    make: async (world) => {
      const { user } = await begun(world)
      await world.server.pawl.administration.setRoles(world.user.username, ['ops'])
      return [{ type: 'user_roles_changed', actor: 'admin', userId: user.id }]
    },
  },
  {
    title: 'other roles of a user, which count at once',
    writer: 'setRoles',
    make: async (world) => {
      const { user } = await begun(world)
      await world.server.pawl.administration.setRoles(world.user.username, ['ops'], { applyNow: true })
      return [{ type: 'user_roles_changed', actor: 'admin', userId: user.id }]
    },
  },
  {
    title: 'claims of the application that have changed',
    writer: 'addRevocation',
    make: async (world) => {
      const { user } = await begun(world)
      await world.server.pawl.administration.claimsChanged(user.id)
      return [{ type: 'claims_changed', actor: 'admin', userId: user.id }]
    },
  },
  {
    title: 'a new signing key',
    writer: 'addSigningKey',
    make: async ({ server, begin }) => {
      await begin()
      const { kid } = await server.pawl.administration.rotateKey()
      return [{ type: 'signing_key_added', actor: 'admin', keyId: kid }]
    },
  },
  {
    title: 'a signing key that is killed',
    writer: 'killSigningKey',
    make: async ({ server, begin }) => {
      const { kid } = await server.pawl.administration.rotateKey()
      await begin()
      await server.pawl.administration.killKey(kid)
      return [{ type: 'signing_key_killed', actor: 'admin', keyId: kid }]
    },
  },
]
