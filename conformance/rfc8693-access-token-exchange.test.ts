import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import {
  activeReply,
  type BodyReply,
  inactiveReply,
  refreshGrantReply,
  tokenExchangeReply,
} from './running-server/replies.ts'
import { sessionsOf } from './running-server/sessions-of-a-client.ts'
import { type Engine, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessType = 'urn:ietf:params:oauth:token-type:access_token'
const [api, files, other] = ['https://api.example/', 'https://files.example/', 'https://other.example/'] as const
const accessSeconds = 300

type Form = Readonly<Record<string, string>> | readonly (readonly [string, string])[]

/** A user's session at the client `web`, and an API `api` that is sent its tokens and calls another one in turn. */
interface Household extends AsyncDisposable {
  readonly server: StartedServer
  /** Of `web`: its user and its id, and its tokens. */
  readonly session: Pick<BodyReply, 'session_id' | 'user' | 'access_token' | 'refresh_token'>
  /** Exchanges a token as `api`. */
  readonly exchange: (token: string, more?: Readonly<Record<string, string>>) => Promise<Reply>
  /** Sends a token request as another client. */
  readonly as: (id: string, form: Form, path?: string) => Promise<Reply>
  /** A token that `api` or another client gets for itself. */
  readonly ownToken: (id: string) => Promise<string>
}

async function household(engine: Engine): Promise<Household> {
  const through = sessionsOf('web', { scope: ['read', 'write', 'admin'], resources: [api, files] })
  const server = await startServer({ engine, through })
  const secrets = new Map<string, string>()
  const register = async (id: string, more: object) => {
    const registration = {
      id,
      type: 'confidential',
      scopes: ['read', 'write'],
      resources: [api, files, other],
      ...more,
    }
    secrets.set(id, await addClient(server, registration))
  }
  const grants = [exchangeGrant, 'client_credentials']
  await register('web', { grants: ['refresh_token', exchangeGrant], exchange: 'own', accessSeconds })
  await register('api', { grants, exchange: 'received', accessSeconds: 600 })
  await register('next', { grants, exchange: 'received' })
  await register('stranger', { grants, exchange: 'received', resources: [other] })
  await register('owner', { grants, exchange: 'own' })
  await register('peeker', { grants })
  const as = (id: string, form: Form, path = '/oauth/token') =>
    server.send(path, { form, headers: basic(id, secrets.get(id) ?? '') })
  const { session_id, user, refresh_token } = await signIn(server)
  const tokens = (await as('web', { grant_type: 'refresh_token', refresh_token })).read(refreshGrantReply)
  return {
    server,
    session: { session_id, user, ...tokens },
    as,
    exchange: (token, more = {}) =>
      as('api', { grant_type: exchangeGrant, subject_token: token, subject_token_type: accessType, ...more }),
    ownToken: async (id) => {
      const reply = await as(id, { grant_type: 'client_credentials', scope: 'read' })
      return reply.read(z.object({ access_token: z.string() })).access_token
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const claims = z.looseObject({ exp: z.number(), iat: z.number() })

function claimsOf(token: string): z.infer<typeof claims> {
  return claims.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
}

function exchanged(reply: Reply): z.infer<typeof tokenExchangeReply> {
  expect(reply.status, reply.text).toBe(200)
  return reply.read(tokenExchangeReply)
}

describe.each(engines)('TX-1 TX-2 rfc8693-2: exchanging an access token on %s', (engine) => {
  test('gives a narrower one of the same session, which lives no longer', async () => {
    await using home = await household(engine)
    const { server, session, exchange } = home
    const before = claimsOf(session.access_token)
    server.clock.advanceSeconds(100)
    const reply = await exchange(session.access_token, { scope: 'read', resource: files })
    expectNotStored(reply)
    const { access_token, ...rest } = exchanged(reply)
    const left = before.exp - Math.floor(server.clock.now() / 1000)
    expect(rest).toEqual({ issued_token_type: accessType, token_type: 'Bearer', expires_in: left, scope: 'read' })
    expect(claimsOf(access_token)).toMatchObject({
      sub: session.user.id,
      sid: session.session_id,
      client_id: 'api',
      aud: files,
      scope: 'read',
      exp: before.exp,
      auth_time: before['auth_time'],
    })
    expect(claimsOf(access_token)).not.toHaveProperty('act')
    // Without wishes it is all that the subject token has and the client may have.
    expect(claimsOf(exchanged(await exchange(session.access_token)).access_token)).toMatchObject({
      aud: [api, files],
      scope: 'read write',
    })
    const again = exchanged(await exchange(access_token))
    expect(claimsOf(again.access_token)).toMatchObject({ aud: files, scope: 'read', exp: before.exp })
  })

  test('never widens: scope, resource and audience beyond the subject token are refused', async () => {
    await using home = await household(engine)
    const { session, exchange } = home
    const { access_token: narrow } = exchanged(await exchange(session.access_token, { scope: 'read', resource: files }))
    expectRefusal(await exchange(narrow, { scope: 'read write' }), 'invalid_scope')
    expectRefusal(await exchange(narrow, { resource: api }), 'invalid_target')
    expectRefusal(await exchange(narrow, { audience: api }), 'invalid_target')
    // The session has it, the client may not.
    expectRefusal(await exchange(session.access_token, { scope: 'admin' }), 'invalid_scope')
    // The client may have it, the token does not.
    expectRefusal(await exchange(session.access_token, { resource: other }), 'invalid_target')
    expectRefusal(await exchange(session.access_token, { resource: `${files}#part` }), 'invalid_target')
    expect(claimsOf(exchanged(await exchange(session.access_token, { audience: files })).access_token)).toMatchObject({
      aud: files,
    })
  })

  test('G-2 resource and audience may come more than once, and count together', async () => {
    await using home = await household(engine)
    const form: [string, string][] = [
      ['grant_type', exchangeGrant],
      ['subject_token', home.session.access_token],
      ['subject_token_type', accessType],
      ['resource', api],
      ['audience', files],
      ['audience', api],
    ]
    expect(claimsOf(exchanged(await home.as('api', form)).access_token)).toMatchObject({ aud: [api, files] })
    expectRefusal(await home.as('api', [...form, ['audience', other]]), 'invalid_target')
    expectRefusal(await home.as('api', [...form, ['subject_token', 'x']]), 'invalid_request', 'repeated_parameter')
  })

  test('TX-2 who acts stands in act, before those who acted earlier', async () => {
    await using home = await household(engine)
    const { session, exchange, as, ownToken, server } = home
    const acting = { actor_token: await ownToken('api'), actor_token_type: accessType }
    const { access_token: first } = exchanged(await exchange(session.access_token, acting))
    expect(claimsOf(first)).toMatchObject({ sub: session.user.id, client_id: 'api', act: { sub: 'api' } })
    const next = async (token: string, more = {}) =>
      exchanged(
        await as('next', { grant_type: exchangeGrant, subject_token: token, subject_token_type: accessType, ...more }),
      ).access_token
    const nextActing = { actor_token: await ownToken('next'), actor_token_type: accessType }
    expect(claimsOf(await next(first, nextActing))).toMatchObject({ act: { sub: 'next', act: { sub: 'api' } } })
    // Who acted before is never left out.
    expect(claimsOf(await next(first))).toMatchObject({ client_id: 'next', act: { sub: 'api' } })
    const asked = { form: { token: first }, headers: basic('looking', 's'.repeat(22)) }
    await addClient(server, { id: 'looking', type: 'confidential', secret: 's'.repeat(22), resources: [api] })
    expect((await server.send('/oauth/introspect', asked)).read(activeReply)).toMatchObject({ act: { sub: 'api' } })

    let token = first
    for (let acted = 1; acted < 8; acted += 1) token = await next(token, nextActing)
    const tooLong = { grant_type: exchangeGrant, subject_token: token, subject_token_type: accessType, ...nextActing }
    expectRefusal(await as('next', tooLong), 'invalid_request', 'too_many_actors')
  })

  test('TX-2 only a token of the client’s own says who acts', async () => {
    await using home = await household(engine)
    const { session, exchange, ownToken } = home
    const type = { actor_token_type: accessType }
    const own = await ownToken('api')
    const delegated = exchanged(await exchange(session.access_token, { actor_token: own, ...type })).access_token
    const refusals = [
      [{ actor_token: own }, 'missing_parameter'],
      [type, 'malformed_parameter'],
      [{ actor_token: own, actor_token_type: 'urn:ietf:params:oauth:token-type:jwt' }, 'malformed_parameter'],
      [{ actor_token: await ownToken('next'), ...type }, 'wrong_client'],
      [{ actor_token: session.access_token, ...type }, 'wrong_client'],
      [{ actor_token: delegated, ...type }, 'wrong_type'],
      [{ actor_token: 'x', ...type }, 'malformed'],
      [{ actor_token: `${own.slice(0, -8)}AAAAAAAA`, ...type }, 'bad_signature'],
    ] as const
    for (const [more, reason] of refusals) {
      expectRefusal(await exchange(session.access_token, more), 'invalid_request', reason)
    }
  })

  test('a client exchanges what its registration says: nothing, its own tokens, or those sent to it', async () => {
    await using home = await household(engine)
    const { session, as, ownToken } = home
    const subject = (token: string) => ({
      grant_type: exchangeGrant,
      subject_token: token,
      subject_token_type: accessType,
    })
    expectRefusal(await as('peeker', subject(session.access_token)), 'unauthorized_client')
    expectRefusal(await as('peeker', subject(await ownToken('peeker'))), 'unauthorized_client')
    expectRefusal(await as('owner', subject(session.access_token)), 'invalid_request', 'wrong_client')
    expectRefusal(await as('stranger', subject(session.access_token)), 'invalid_request', 'wrong_client')
    const own = await ownToken('owner')
    expect(claimsOf(exchanged(await as('owner', { ...subject(own), resource: other })).access_token)).toMatchObject({
      sub: 'owner',
      client_id: 'owner',
      aud: other,
    })
    // Of its own tokens a client may have all that is in them.
    expect(claimsOf(exchanged(await as('web', subject(session.access_token))).access_token)).toMatchObject({
      scope: 'read write admin',
    })
  })

  test('TX-1 a subject token that is not good is invalid_request, with what is wrong with it', async () => {
    await using home = await household(engine)
    const { server, session, exchange, as } = home
    const { access_token, refresh_token } = session
    const refusals = [
      [refresh_token, 'malformed'],
      ['x', 'malformed'],
      [`${access_token.slice(0, -8)}AAAAAAAA`, 'bad_signature'],
    ] as const
    for (const [token, reason] of refusals) expectRefusal(await exchange(token), 'invalid_request', reason)
    const form = { grant_type: exchangeGrant, subject_token_type: accessType }
    expectRefusal(await as('api', form), 'invalid_request', 'missing_parameter')
    for (const type of ['refresh_token', 'jwt', 'id_token', 'saml2']) {
      const wanted = { requested_token_type: `urn:ietf:params:oauth:token-type:${type}` }
      expectRefusal(await exchange(access_token, wanted), 'invalid_request', 'malformed_parameter')
    }
    const jwt = { ...form, subject_token: access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }
    expectRefusal(await as('api', jwt), 'invalid_request', 'malformed_parameter')
    server.clock.advanceSeconds(accessSeconds)
    expectRefusal(await exchange(access_token), 'invalid_request', 'expired')
  })

  test('what was exchanged ends with the session that it comes from, and with the client that has it', async () => {
    await using home = await household(engine)
    const { server, session, exchange, as, ownToken } = home
    await addClient(server, { id: 'looking', type: 'confidential', secret: 's'.repeat(22), resources: [files, other] })
    const ask = (token: string) =>
      server.send('/oauth/introspect', { form: { token }, headers: basic('looking', 's'.repeat(22)) })
    const ofApi = exchanged(await exchange(session.access_token)).access_token
    const form = { grant_type: exchangeGrant, subject_token: ofApi, subject_token_type: accessType }
    const ofNext = exchanged(await as('next', form)).access_token
    ;(await ask(ofApi)).read(activeReply)
    await server.pawl.administration.removeClient('api')
    ;(await ask(ofApi)).read(inactiveReply)
    expectRefusal(await as('next', form), 'invalid_request', 'client_removed')
    ;(await ask(ofNext)).read(activeReply)
    await as('web', { token: session.refresh_token }, '/oauth/revoke')
    ;(await ask(ofNext)).read(inactiveReply)
    expectRefusal(await as('next', { ...form, subject_token: ofNext }), 'invalid_request', 'logout')

    const itself = await ownToken('stranger')
    const ofItself = { grant_type: exchangeGrant, subject_token: itself, subject_token_type: accessType }
    const narrowed = exchanged(await as('stranger', ofItself)).access_token
    ;(await ask(narrowed)).read(activeReply)
    await server.pawl.administration.removeClient('stranger')
    ;(await ask(narrowed)).read(inactiveReply)
  })
})
