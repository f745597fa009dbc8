import { memoryStore, type Session, type TokenStore } from '@pawl/client'
import { describe, expect, test } from 'vitest'
import { until } from './browser.ts'
import { ada, apiOrigin, grace, issuer, type StartedIssuer, startIssuer } from './started-issuer.ts'
import { countSent, type Machine, type Network, openMachine, type Program } from './token-holder.ts'

const notes = `${apiOrigin}/api/notes`
const refuseToConnect: Network = async () => {
  throw new TypeError('fetch failed')
}

/** A machine on which {@link ada} has just signed in by one program; what was sent so far is forgotten. */
async function signedIn(store?: TokenStore): Promise<{ server: StartedIssuer; machine: Machine; program: Program }> {
  const server = await startIssuer()
  const machine = openMachine(server, store)
  const program = machine.start()
  expect(await program.client.signIn(ada)).toMatchObject({ ok: true, session: { generation: 0 } })
  machine.sent.length = 0
  return { server, machine, program }
}

describe('a client that holds its tokens', () => {
  test('signs in, calls an API, renews, signs out, and the store is empty', async () => {
    const { server, machine, program } = await signedIn()
    const { client } = program
    expect((await client.fetch(notes)).status).toBe(200)
    expect(machine.sent).toEqual(['GET /api/notes'])
    server.passTime(900)
    program.passTime(900)
    expect((await client.fetch(notes)).status).toBe(200)
    expect(await client.session()).toMatchObject({ status: 'active', generation: 1, user: { username: ada.username } })
    expect(await client.signOut()).toEqual({ ok: true })
    expect(await machine.store.read()).toBeUndefined()
    expect(await client.session()).toMatchObject({ status: 'signed-out' })
    expect((await client.fetch(notes)).status).toBe(401)
    expect(countSent(machine, 'POST /auth/refresh')).toBe(1)
  })

  test('the token goes to allowed origins only, and no cookie goes anywhere', async () => {
    const { machine, program } = await signedIn()
    const seen: [string, string | null][] = []
    machine.network = async (request) => {
      seen.push([new URL(request.url).origin, request.headers.get('Authorization')?.slice(0, 7) ?? null])
      expect(request.headers.get('Cookie')).toBeNull()
      return new Response()
    }
    for (const origin of [apiOrigin, issuer, 'https://elsewhere.example', 'https://api.example.evil.test'])
      await program.client.fetch(`${origin}/`)
    expect(seen).toEqual([
      [apiOrigin, 'Bearer '],
      [issuer, 'Bearer '],
      ['https://elsewhere.example', null],
      ['https://api.example.evil.test', null],
    ])
  })

  test('T3.1: of ten programs that share a store and find the access token expired, one refreshes after the other', async () => {
    const { server, machine, program } = await signedIn()
    const programs = [program, ...Array.from({ length: 9 }, () => machine.start())]
    for (const { client } of programs) await client.session()
    server.passTime(900)
    for (const { passTime } of programs) passTime(900)
    for (const { client } of programs) expect((await client.fetch(notes)).status).toBe(200)
    expect(countSent(machine, 'POST /auth/refresh')).toBe(1)
  })

  test('T3.2: invalid_grant for a token that the store no longer holds: the newer one is adopted, nothing is deleted', async () => {
    const { machine, program } = await signedIn()
    const other = machine.start()
    await other.client.session()
    let refused = false
    machine.network = async (request, proceed) => {
      if (refused || !request.url.endsWith('/auth/refresh')) return proceed()
      refused = true
      await program.client.refresh()
      return Response.json({ error: 'invalid_grant', reason: 'replay' }, { status: 400 })
    }
    expect(await other.client.refresh()).toMatchObject({ status: 'active', generation: 1 })
    expect(await program.client.refresh()).toMatchObject({ status: 'active', generation: 2 })
  })

  test('T3.3: a reply that could not be stored is fetched again by the next start, long after', async () => {
    const memory = memoryStore()
    let broken = false
    const store: TokenStore = {
      ...memory,
      update: (change) => (broken ? Promise.reject(new Error('disk full')) : memory.update(change)),
    }
    const { server, machine, program } = await signedIn(store)
    broken = true
    expect(await program.client.refresh()).toMatchObject({ status: 'active', generation: 1 })
    expect((await program.client.fetch(notes)).status).toBe(200)
    program.client.dispose()
    broken = false
    server.passTime(3600)
    expect(await machine.start().client.refresh()).toMatchObject({ status: 'active', generation: 1 })
  })

  test('T5.2: our invalid_grant, and only it, empties the store, and tells so once', async () => {
    const { server, machine, program } = await signedIn()
    const changes: Session[] = []
    program.client.onChange((session) => changes.push(session))
    for (const fault of [
      async () => new Response('<h1>Bad gateway</h1>', { status: 502 }),
      async () => new Response('Unauthorized', { status: 401 }),
      async () => Response.json({ error: 'invalid_grant' }, { status: 400 }),
      refuseToConnect,
    ]) {
      machine.network = fault
      expect(await program.client.refresh()).toMatchObject({ status: 'stale', user: { username: ada.username } })
      expect(await machine.store.read()).toContain('pawl_rt_')
    }
    machine.network = (_request, proceed) => proceed()
    await server.administration.disableUser(ada.username)
    changes.length = 0
    expect(await program.client.refresh()).toEqual({ status: 'signed-out', reason: 'user_disabled' })
    expect(await program.client.session()).toMatchObject({ status: 'signed-out' })
    expect(changes).toMatchObject([{ status: 'signed-out', reason: 'user_disabled' }])
    expect(await machine.store.read()).toBeUndefined()
  })

  test('T5.4: without a network a start tells at once who was signed in, and asks nobody', async () => {
    const { server, machine } = await signedIn()
    server.passTime(7200)
    machine.network = () => new Promise(() => {})
    const program = machine.start({ online: () => false })
    const started = performance.now()
    expect(await program.client.session()).toMatchObject({ status: 'offline', user: { username: ada.username } })
    expect(performance.now() - started).toBeLessThan(50)
    await program.client.refresh()
    expect(machine.sent).toEqual([])
  })

  test('T6.5: signed out without a network: here at once, at the server as soon as it can be reached', async () => {
    const { server, machine, program } = await signedIn()
    const stolen = JSON.parse((await machine.store.read()) ?? '').session.refreshToken
    machine.network = refuseToConnect
    const signingOut = program.client.signOut()
    expect(program.client.current()).toEqual({ status: 'signed-out', reason: 'logout' })
    expect(await signingOut).toMatchObject({ ok: false, cause: { kind: 'network' } })
    program.client.dispose()

    machine.network = (_request, proceed) => proceed()
    const next = machine.start()
    expect(await next.client.session()).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
    await until(() => countSent(machine, 'POST /auth/logout') === 2)
    const refresh = new Request(`${issuer}/auth/refresh`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh_token: stolen }),
    })
    expect((await server.answer(refresh)).status).toBe(400)
    expect(await next.client.signIn(ada)).toMatchObject({ ok: true })
    expect(await machine.store.read()).not.toContain(stolen)
  })

  test('T16.3: a late reply for the earlier user does not overwrite who signed in since', async () => {
    const { machine, program } = await signedIn()
    const other = machine.start()
    await other.client.session()
    const late = Promise.withResolvers<void>()
    machine.network = async (request, proceed) => {
      const response = await proceed()
      if (request.url.endsWith('/auth/refresh')) await late.promise
      return response
    }
    const refreshing = other.client.refresh()
    await until(() => countSent(machine, 'POST /auth/refresh') === 1)
    await program.client.signOut()
    await program.client.signIn(grace)
    late.resolve()
    expect(await refreshing).toMatchObject({ status: 'active', user: { username: grace.username } })
    expect(await machine.store.read()).toContain(grace.username)
  })

  test('T35.2: a locked store is no sign-out: it is told, tried again, and never overwritten', async () => {
    const memory = memoryStore()
    let locked = false
    const store: TokenStore = {
      ...memory,
      read: () => (locked ? Promise.reject(new Error('the keychain is locked')) : memory.read()),
      update: (change) => (locked ? Promise.reject(new Error('the keychain is locked')) : memory.update(change)),
    }
    const { machine } = await signedIn(store)
    const before = await memory.read()
    locked = true
    const { client } = machine.start()
    expect(await client.session()).toMatchObject({ status: 'stale', cause: { kind: 'locked' } })
    expect(await client.refresh()).toMatchObject({ status: 'stale', cause: { kind: 'locked' } })
    expect(await memory.read()).toBe(before)
    expect(machine.sent).toEqual([])
    locked = false
    expect(await client.session()).toMatchObject({ status: 'active', user: { username: ada.username } })
  })
})
