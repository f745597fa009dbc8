import type { Storage } from '@pawl/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'
import { watchingVerifier } from './running-server/watching-verifier.ts'

/** Does something the first time that it is called, once it has been armed. */
function armed(): { arm: (work: () => Promise<unknown>) => void; strike: () => Promise<void> } {
  let work: (() => Promise<unknown>) | undefined
  return {
    arm: (todo) => {
      work = todo
    },
    strike: async () => {
      const todo = work
      work = undefined
      await todo?.()
    },
  }
}

async function started(
  engine: (typeof engines)[number],
  through: (storage: Storage, strike: () => Promise<void>) => Storage,
) {
  const { arm, strike } = armed()
  const server = await startServer({ engine, through: (storage) => through(storage, strike) })
  const verifier = watchingVerifier(server.issuer, { clock: server.clock.now })
  await verifier.isFeed('live')
  return { server, verifier, arm }
}

const applyNow = (server: StartedServer, roles: readonly string[]) =>
  server.pawl.administration.setRoles(alice.username, roles, { applyNow: true })

// What happens in between is put into the very gap: after the instant of the one, before the commit of the other.
describe.each(engines)('tokens that are issued while something ends, on %s', (engine) => {
  test('T22.1 a refresh that reads the old roles while they are being changed is told to refresh again', async () => {
    const { server, verifier, arm } = await started(engine, (storage, strike) => ({
      ...storage,
      setRoles: async (change) => {
        await strike()
        return storage.setRoles(change)
      },
    }))
    await using _ = server
    using __ = verifier
    const session = await signIn(server)
    let between = ''
    let newest = session.refresh_token
    arm(async () => {
      server.clock.advanceMilliseconds(5)
      const next = await refresh(server, session.refresh_token)
      between = next.access_token
      newest = next.refresh_token
      server.clock.advanceMilliseconds(5)
    })
    await applyNow(server, ['ops'])
    expect(rolesOf(between)).toEqual(['admin'])
    await verifier.comesTo(between, 'claims_stale')
    server.clock.advanceMilliseconds(1)
    const after = await refresh(server, newest)
    expect([rolesOf(after.access_token), await verifier.verdict(after.access_token)]).toEqual([['ops'], 'accepted'])
  })

  test('T22.1 a sign-in that has read the old roles is told to refresh', async () => {
    const { server, verifier, arm } = await started(engine, (storage, strike) => ({
      ...storage,
      findUserByName: async (name) => {
        const found = await storage.findUserByName(name)
        await strike()
        return found
      },
    }))
    await using _ = server
    using __ = verifier
    arm(async () => {
      server.clock.advanceMilliseconds(5)
      await applyNow(server, ['ops'])
      server.clock.advanceMilliseconds(5)
    })
    const session = await signIn(server)
    expect(rolesOf(session.access_token)).toEqual(['admin'])
    await verifier.comesTo(session.access_token, 'claims_stale')
  })

  test('T22.1 a refresh that has to decide again says what holds by then', async () => {
    const { server, verifier, arm } = await started(engine, (storage, strike) => ({
      ...storage,
      moveSession: async (move) => {
        await strike()
        return storage.moveSession(move)
      },
    }))
    await using _ = server
    using __ = verifier
    const session = await signIn(server)
    arm(async () => {
      await refresh(server, session.refresh_token)
      server.clock.advanceMilliseconds(5)
      await applyNow(server, ['ops'])
      server.clock.advanceMilliseconds(5)
    })
    const { access_token } = await refresh(server, session.refresh_token)
    expect(rolesOf(access_token)).toEqual(['ops'])
    await verifier.comesTo(session.access_token, 'claims_stale')
    expect(await verifier.verdict(access_token)).toBe('accepted')
  })

  test('T6.3 a client gets no token that outlives its removal, however late it asked', async () => {
    const { server, verifier, arm } = await started(engine, (storage, strike) => ({
      ...storage,
      removeClient: async (id, now, event) => {
        await strike()
        return storage.removeClient(id, now, event)
      },
    }))
    await using _ = server
    using __ = verifier
    const robot = { id: 'robot', type: 'confidential', grants: ['client_credentials'], resources: [server.issuer] }
    const headers = basic('robot', await addClient(server, robot))
    let between = ''
    arm(async () => {
      server.clock.advanceMilliseconds(5)
      const reply = await server.send('/oauth/token', { form: { grant_type: 'client_credentials' }, headers })
      between = reply.read(clientCredentialsReply).access_token
      server.clock.advanceMilliseconds(5)
    })
    await server.pawl.administration.removeClient('robot')
    await verifier.comesTo(between, 'revoked')
  })

  test('T6.3 a client that is removed between its authentication and its token gets none', async () => {
    const { server, verifier, arm } = await started(engine, (storage, strike) => ({
      ...storage,
      findClient: async (id) => {
        const found = await storage.findClient(id)
        await strike()
        return found
      },
    }))
    await using _ = server
    using __ = verifier
    const robot = { id: 'robot', type: 'confidential', grants: ['client_credentials'], resources: [server.issuer] }
    const headers = basic('robot', await addClient(server, robot))
    arm(async () => {
      await server.pawl.administration.removeClient('robot')
      server.clock.advanceMilliseconds(5)
    })
    const reply = await server.send('/oauth/token', { form: { grant_type: 'client_credentials' }, headers })
    expect(reply.status).toBe(401)
  })
})

const payload = z.looseObject({ roles: z.array(z.string()) })

function rolesOf(token: string): readonly string[] {
  return payload.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).roles
}
