import { AsyncLocalStorage } from 'node:async_hooks'
import type { UserDocument } from '@pawl/protocol'
import type { Administration, Storage } from '@pawl/server'
import { firstPartyClientId } from '@pawl/server/registered-client'
import type { People, PersonOptions } from './people.ts'
import { type HolderReply, readHolder, readTokens, type TokenReply } from './replies.ts'

/** A client to be registered, as `pawl client add` takes it. */
export type TestClientRegistration = Parameters<Administration['addClient']>[0]

/** Whose session is wanted, and what it is to be good for. */
export interface SignInOptions extends PersonOptions {
  /**
   * Id of the client that the session belongs to. One that is not registered yet becomes a public client that may refresh.
   * Default: the server's own.
   */
  readonly client?: string
  /** Granted scope, as a list or as words with spaces. Default: that of the client. */
  readonly scope?: string | readonly string[]
  /** Granted resources, which become the tokens' audience. Default: the client's, or else the issuer's default audience. */
  readonly resource?: string | readonly string[]
}

/** A session, with its tokens as of now. */
export interface TestSession {
  readonly accessToken: string
  readonly refreshToken: string
  /** Lifetime of the access token in seconds. */
  readonly expiresIn: number
  readonly sessionId: string
  readonly user: UserDocument
  readonly clientId: string
}

/** Sessions for the asking. */
export interface SignIns {
  /** @param at opens it as of this instant, in milliseconds since 1970. Default: now */
  readonly signIn: (username: string, options?: SignInOptions, at?: number) => Promise<TestSession>
  /** Registers a client, so that sessions can be opened for it and it can prove who it is. */
  readonly addClient: (registration: TestClientRegistration) => Promise<{ readonly secret: string | undefined }>
  /** Presents a session's refresh token as the client of that session does. */
  readonly refresh: (session: Pick<TestSession, 'refreshToken' | 'clientId'>) => Promise<Response>
  /** Longest that an access token of the client lives, in seconds. */
  readonly accessSeconds: (clientId: string | undefined) => number
  /** How long after a rotation the client's earlier token is still answered, in seconds. */
  readonly windowSeconds: (clientId: string | undefined) => number
  /** The store as a server has to see it, for sessions to be opened as wanted. */
  readonly store: Storage
  /** The clock as a server has to see it. */
  readonly now: () => number
}

type Grant = Partial<Pick<Parameters<Storage['openSession']>[0], 'clientId' | 'scope' | 'resources'>>

/** What holds while one session is being opened, for that one alone. */
interface Opening {
  readonly at: number | undefined
  readonly grant: Grant
}

/** Window of the policy `shared-store`. */
const sharedStoreSeconds = 300

interface KnownClient {
  readonly secret: string | undefined
  readonly registration: TestClientRegistration
}

/** @param options.store the bare engine, by a clock that asks {@link SignIns.now} */
export function createSignIns(options: {
  readonly issuer: string
  readonly makeStore: (clock: () => number) => Storage
  readonly now: () => number
  readonly people: () => People
  readonly administration: () => Administration
  readonly answer: (request: Request) => Promise<Response>
  readonly accessSeconds: number
  readonly windowSeconds: number
}): SignIns {
  const { issuer, people, administration, answer } = options
  const opening = new AsyncLocalStorage<Opening>()
  const now = () => opening.getStore()?.at ?? options.now()
  const engine = options.makeStore(now)
  const clients = new Map<string, KnownClient>()

  function post(path: string, body: object): Promise<Response> {
    const headers = { 'Content-Type': 'application/json' }
    return answer(new Request(issuer + path, { method: 'POST', headers, body: JSON.stringify(body) }))
  }

  async function addClient(registration: TestClientRegistration): Promise<{ readonly secret: string | undefined }> {
    const outcome = await administration().addClient(registration)
    if (!outcome.ok) throw new TypeError(`${outcome.field}: ${outcome.message}`)
    const secret = registration.secret ?? outcome.generatedSecret
    clients.set(registration.id, { secret, registration })
    return { secret }
  }

  async function grantOf({ client, scope, resource }: SignInOptions): Promise<Grant> {
    if (client !== undefined && client !== firstPartyClientId && !clients.has(client)) {
      await addClient({ id: client, type: 'public', grants: ['refresh_token'] })
    }
    const { scopes = [], resources = [] } = clients.get(client ?? '')?.registration ?? {}
    const wantedScope = scope === undefined ? scopes : wordsOf(scope)
    const wantedResources = resource === undefined ? resources : [resource].flat()
    return {
      ...(client !== undefined && { clientId: client }),
      ...(wantedScope.length > 0 && { scope: wantedScope }),
      ...(wantedResources.length > 0 && { resources: wantedResources }),
    }
  }

  async function logIn(username: string, password: string): Promise<TokenReply & HolderReply> {
    const reply = await post('/auth/login', { username, password, delivery: 'body' })
    const { tokens, document } = await readTokens(reply, `the sign-in of ${username}`)
    return { ...tokens, ...readHolder(document) }
  }

  async function refresh({
    refreshToken,
    clientId,
  }: Pick<TestSession, 'refreshToken' | 'clientId'>): Promise<Response> {
    if (clientId === firstPartyClientId) return await post('/auth/refresh', { refresh_token: refreshToken })
    const { secret, registration } = clients.get(clientId) ?? {}
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    const headers = new Headers()
    if (secret !== undefined && registration?.auth !== 'client_secret_post') {
      headers.set('Authorization', `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`)}`)
    } else {
      body.set('client_id', clientId)
      if (secret !== undefined) body.set('client_secret', secret)
    }
    return await answer(new Request(`${issuer}/oauth/token`, { method: 'POST', headers, body }))
  }

  return {
    signIn: async (username, wanted = {}, at = undefined) => {
      const { client = firstPartyClientId, scope: _scope, resource: _resource, ...person } = wanted
      const { password } = await people().describe(username, person)
      const grant = await grantOf(wanted)
      return await opening.run({ at, grant }, async () => {
        const opened = { clientId: client, ...(await logIn(username, password)) }
        if (Object.keys(grant).length === 0) return opened
        // The reply to the sign-in was prepared for the server's own client, before the session got its grant.
        const { tokens } = await readTokens(await refresh(opened), `the first refresh of ${username}`)
        return { ...opened, ...tokens }
      })
    },
    addClient,
    refresh,
    accessSeconds: (clientId = '') => clients.get(clientId)?.registration.accessSeconds ?? options.accessSeconds,
    windowSeconds: (clientId = '') => {
      const policy = clients.get(clientId)?.registration.policy
      if (policy === 'strict') return 0
      return policy === 'shared-store' ? sharedStoreSeconds : options.windowSeconds
    },
    store: {
      ...engine,
      openSession: (session, event, ticket) => {
        // As an authorization endpoint would open it, where the user has consented to the client.
        const { grant = {} } = opening.getStore() ?? {}
        const about = grant.clientId === undefined ? {} : { clientId: grant.clientId }
        return engine.openSession({ ...session, ...grant }, { ...event, ...about }, ticket)
      },
    },
    now,
  }
}

function wordsOf(scope: string | readonly string[]): readonly string[] {
  return typeof scope === 'string' ? scope.split(' ').filter((word) => word !== '') : scope
}
