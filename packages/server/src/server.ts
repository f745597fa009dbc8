import { randomFillSync, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { createPlayground } from '@pawl/playground'
import { errorTable, revocationHeartbeatMilliseconds } from '@pawl/protocol'
import { createAdministration } from './administer.ts'
import type { Administration } from './administration.ts'
import { createPageProofs, type PageProofs } from './authorizations/page-proof.ts'
import { createBackground } from './background.ts'
import { createDocumentFetch } from './client-documents/fetch-document.ts'
import { ConfigurationError } from './configuration/configuration-error.ts'
import { loadSecrets, secretsFileName } from './configuration/load-secrets.ts'
import { resolveSettings } from './configuration/resolve-settings.ts'
import type { PawlConfiguration, ServerSecrets, Settings } from './configuration/settings.ts'
import { clientAddress } from './configuration/trusted-proxy.ts'
import { createMetrics } from './endpoints/metrics.ts'
import { publicMaxAge } from './endpoints/oauth/metadata.ts'
import { createPageFrame } from './endpoints/pages/page-frame.ts'
import { feedReport } from './endpoints/revocations.ts'
import { type Answer, createAnswer } from './endpoints/route-table.ts'
import { sqliteStorage } from './engines.ts'
import { createGrants } from './grants/grants.ts'
import { keepHouse } from './housekeeping.ts'
import { createKeyRing, type KeyRing } from './keys/key-ring.ts'
import { rotationSettings } from './keys/rotation-schedule.ts'
import { createLogger } from './log.ts'
import { belowBasePath, remoteAddressOf } from './mounting.ts'
import { builtInClient } from './registered-clients/built-in-client.ts'
import { type ClientRecord, playgroundClientId } from './registered-clients/client.ts'
import { longestClientAccessSeconds as longestAccessSeconds } from './registered-clients/client-registration.ts'
import { identifyClients } from './registered-clients/identify-clients.ts'
import { createRegistrations } from './registered-clients/registrations.ts'
import { declareLifetimes } from './revocations/declare-lifetimes.ts'
import { createRevocationFeed } from './revocations/revocation-feed.ts'
import { pooledRandom } from './secrets/random.ts'
import { deliverEvents } from './security-events/deliver-events.ts'
import type { Storage } from './storage/store-ports.ts'
import { createThrottle, type Throttle } from './throttling/throttle.ts'
import type { StoreClock } from './tokens/check-access-token.ts'
import type { TokenDependencies } from './tokens/refresh-session.ts'
import { createAccounts } from './users/accounts.ts'
import type { Authenticate } from './users/external-user.ts'
import { createPasswordHashing } from './users/password-hash.ts'

/** A token server. */
export interface Pawl {
  /**
   * Answers a web-standard request. The first call waits until the server is {@link Pawl.ready}. Below the issuer's path,
   * or with that path already taken off by the framework it is mounted in.
   *
   * @param connection `{ remoteAddress }` where the runtime knows it; anything else is ignored
   */
  readonly fetch: (request: Request, connection?: unknown) => Promise<Response>
  /**
   * Opens the store, brings its schema up to date, opens the keys, and starts the background work (key rotation,
   * housekeeping, delivery of security events).
   *
   * @throws ConfigurationError when secrets or keys do not fit; an error of the store when it does not open
   */
  readonly ready: () => Promise<void>
  /** Makes `/health/ready` answer 503, so that load balancers look elsewhere while requests under way finish. */
  readonly drain: () => void
  /** Ends the background work and lets go of the store. */
  readonly close: () => Promise<void>
  readonly settings: Settings
  /** What the server would rather see set otherwise. */
  readonly warnings: readonly string[]
  /** What this process counts for `/metrics`, as JSON; for `siblings.countedByAll` of the others behind the same port. */
  readonly counted: () => Promise<unknown>
  /** What operators do; works without {@link Pawl.ready}. */
  readonly administration: Administration
}

const maintenanceMilliseconds = 60_000
const deliveryMilliseconds = 1_000
const playgroundAccessSeconds = 30

/** Name of the user that `pawl start` makes in development, for the playground. */
export const demoUsername = 'demo'

/** Role of that user; a production server does not start while a user of that name and role can sign in. */
export const demoRole = 'demo'

/**
 * Creates a token server. Nothing is opened, read or started before the first request or {@link Pawl.ready}.
 *
 * @throws ConfigurationError naming every setting that does not fit, with the fix
 */
export function createPawl(configuration: PawlConfiguration = {}): Pawl {
  const resolved = resolveSettings(configuration)
  if (!resolved.ok) throw new ConfigurationError(resolved.problems)
  const { settings } = resolved
  const warnings = [...resolved.warnings]
  const random = configuration.random ?? pooledRandom(randomFillSync)
  const clock = configuration.clock ?? Date.now
  const logger = configuration.logger ?? createLogger()
  const storage =
    configuration.storage ??
    (resolved.database && configuration.postgres?.(resolved.database)) ??
    sqliteStorage({ file: join(settings.data, 'pawl.db'), clock })
  refuseWeakStore(storage)
  const metrics = createMetrics(configuration.siblings)
  const accounts = createAccounts({
    store: storage,
    now: () => storage.storeNow(),
    hashing: createPasswordHashing({ random }),
    random,
    ...(configuration.authenticate !== undefined && {
      authenticate: distinctFromClients(configuration.authenticate, storage),
    }),
  })
  const registrations = createRegistrations({ store: storage, now: () => storage.storeNow(), random })

  const opened = once(() => storage.open())
  const serverSecrets = once(() => findSecrets(settings, random, warnings))
  const keyRing = once(async () => {
    const secrets = await serverSecrets()
    const jwksCacheSeconds = publicMaxAge
    const schedule = rotationSettings({ jwksCacheSeconds, longestAccessSeconds })
    return createKeyRing({
      store: storage,
      secrets,
      clock,
      random,
      algorithm: settings.signingAlgorithm,
      settings: schedule,
    })
  })
  const background = createBackground({ monotonic: () => performance.now(), repeat: configuration.repeat })
  const feed = createRevocationFeed({
    store: storage,
    random,
    report: feedReport(metrics, logger),
  })
  const sayThatWritesWereLost = atFirst(() =>
    logger.warn('a session is ahead of the store, which has lost writes: was a backup put back? See: pawl doctor'),
  )
  const playground =
    settings.mode === 'development'
      ? createPlayground({
          issuer: settings.issuer,
          audience: settings.audience,
          accessSeconds: playgroundAccessSeconds,
          raceWindowSeconds: settings.raceWindowSeconds,
          clock,
          // The page's API asks this very server for its keys; no detour over the network.
          fetch: async (url) => (await started())(new Request(url), { remoteAddress: undefined }),
        })
      : undefined
  let draining = false
  let delivering = false

  const started = once(async () => {
    await opened()
    const keys = await keyRing()
    await openKeys(keys, warnings)
    if (settings.mode === 'production') await refuseDemoUser(storage)
    await declareLifetimes(storage, settings.accessSeconds)
    background.every(
      maintenanceMilliseconds,
      logged('maintenance of keys', () => keys.maintain()),
    )
    background.every(
      maintenanceMilliseconds,
      logged('housekeeping', () => keepHouse(storage, settings, background.goOn)),
    )
    background.every(deliveryMilliseconds, logged('event delivery', deliver))
    background.every(revocationHeartbeatMilliseconds, logged('the revocation feed', feed.beat))
    delivering = true
    metrics.watchProcess()
    metrics.watchFeed(feed)
    const [newestSecret] = await serverSecrets()
    const throttle = createThrottle({ store: storage, secret: newestSecret.derive('throttling') })
    return assemble(keys, { throttle, proofs: createPageProofs(newestSecret.derive('pages')) })
  })

  async function deliver(): Promise<void> {
    await deliverEvents(storage, (event, sequence) => {
      logger.info({ event, sequence }, event.type)
      if (event.type === 'session_rolled_forward') sayThatWritesWereLost()
    })
  }

  function logged(work: string, task: () => Promise<unknown>): () => Promise<void> {
    return async () => {
      try {
        await task()
      } catch (error) {
        logger.error({ err: error }, `${work} failed`)
      }
    }
  }

  function assemble(keys: KeyRing, made: { readonly throttle: Throttle; readonly proofs: PageProofs }): Answer {
    const firstParty = builtInClient({ resources: [settings.audience] })
    const playground = playgroundClient(firstParty)
    const ownClients = settings.mode === 'development' ? [firstParty, playground] : [firstParty]
    const tokens: TokenDependencies & { readonly clock: StoreClock } = {
      sessions: storage,
      events: storage,
      signer: keys,
      refreshKeys: keys,
      random,
      monotonic: configuration.monotonic ?? (() => performance.now()),
      idleMilliseconds: settings.idleSeconds * 1000,
      clock: storage,
    }
    const clients = identifyClients({
      store: storage,
      builtIn: firstParty,
      settings,
      random,
      useOnce: async (key, milliseconds) => (await storage.countFailures(key, 1, milliseconds)).count === 1,
      fetchDocument: configuration.fetchDocument ?? createDocumentFetch(),
      clock,
    })
    const findClient = clients.find
    const { claims } = configuration
    const report = (cause: unknown) => logger.error({ err: cause }, 'the claims hook failed')
    return createAnswer({
      settings,
      cookies: settings.cookies,
      trustedOrigins: new Set(settings.trustedOrigins),
      accounts,
      throttle: made.throttle,
      authenticateClient: clients.authenticate,
      selfRegistrations: clients.selfRegistrations,
      findClient,
      ownClients: new Map(ownClients.map((client) => [client.id, client])),
      knownResources: async () => {
        const clients = await storage.listClients()
        return [settings.audience, ...clients.flatMap((client) => client.resources)]
      },
      grants: createGrants({ tokens, settings, claims, report, clock: storage, findClient, tickets: storage }),
      tickets: storage,
      consents: storage,
      pages: {
        frame: createPageFrame({ name: settings.pageName, logo: settings.pageLogo, colour: settings.pageColour }),
        proofs: made.proofs,
      },
      claims,
      reportHookFailure: report,
      tokens,
      keys,
      claimsChangedAt: storage.claimsChangedAt,
      feed,
      metrics,
      logger,
      newRequestId: randomUUID,
      clientAddress: (peerAddress, headers) => clientAddress(peerAddress, headers, settings.trustedProxies),
      isDraining: () => draining,
    })
  }

  return {
    fetch: async (request, connection) => {
      let answer: Answer
      try {
        answer = await started()
      } catch (error) {
        logger.error({ err: error }, 'the server cannot start')
        return notStarted()
      }
      const below = belowBasePath(request, settings.basePath)
      return (await playground?.fetch(below)) ?? answer(below, { remoteAddress: remoteAddressOf(connection) })
    },
    ready: async () => {
      await started()
    },
    drain: () => {
      draining = true
      feed.end()
    },
    close: async () => {
      draining = true
      feed.end()
      await background.stop()
      // What happened in the last second belongs into the log, too: after a restore it may be all that is known of it.
      if (delivering) await logged('event delivery', deliver)()
      await storage.close()
    },
    counted: metrics.counted,
    settings,
    warnings,
    administration: createAdministration({
      storage,
      opened,
      keyRing,
      accounts,
      registrations,
      settings,
      secretsFile: join(settings.data, secretsFileName),
      newId: randomUUID,
      random,
    }),
  }
}

/** Does something the first time it is called. */
function atFirst(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}

/** Does something once; if it fails, the next call tries again. */
function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let running: Promise<Value> | undefined
  return () => {
    running ??= work().catch((error: unknown) => {
      running = undefined
      throw error
    })
    return running
  }
}

async function findSecrets(
  settings: Settings,
  random: (bytes: number) => Uint8Array,
  warnings: string[],
): Promise<ServerSecrets> {
  if (settings.secrets !== 'generate') return settings.secrets
  const loaded = await loadSecrets(settings.data, random)
  if (!loaded.ok) throw new ConfigurationError([loaded.problem])
  warnings.push(...loaded.warnings)
  return loaded.secrets
}

/** A secret that does not fit stops the start; it never becomes a 500 on each request (T13.2). */
async function openKeys(keys: KeyRing, warnings: string[]): Promise<void> {
  const opening = await keys.open()
  if (!opening.ok) {
    throw new ConfigurationError(
      opening.problems.map(({ message, fix }) => ({
        setting: 'PAWL_SECRETS',
        reason: `does not fit the stored keys: ${message}`,
        fix,
      })),
    )
  }
  for (const { id, liveSessions } of opening.unheldRefreshKeys) {
    warnings.push(`PAWL_SECRETS lacks ${id}: ${liveSessions} live sessions will be answered 503 until it is back.`)
  }
}

/** One refresh token must not win twice, and only the store can see to that (T34.1). */
function refuseWeakStore({ engine, compareAndSet }: Storage): void {
  if (compareAndSet === 'linearizable') return
  throw new ConfigurationError([
    {
      setting: 'storage',
      reason: `is the engine "${engine}", which does not declare linearizable compare-and-set: one refresh token could win twice`,
      fix: 'use an engine that declares it (SQLite, PostgreSQL); a key-value store is good for caches only',
    },
  ])
}

/** The client of the playground: like the first party, but its access tokens die while one watches. */
function playgroundClient(firstParty: ClientRecord): ClientRecord {
  return { ...firstParty, id: playgroundClientId, accessSeconds: playgroundAccessSeconds }
}

/**
 * A token that a client gets for itself has the client's id as `sub`: a user of the same id could pass for the client
 * (standards TK-7, RFC 9068 section 5). Ids of our own users cannot collide; those of an application can.
 */
function distinctFromClients(authenticate: Authenticate, storage: Storage): Authenticate {
  return async (credentials) => {
    const user = await authenticate(credentials)
    if (user && (await storage.findClient(user.id)) !== undefined) {
      throw new TypeError('the authenticate hook gave a user whose id is that of a registered client')
    }
    return user
  }
}

/** Whoever read the log of a first start knows the demo user's password. */
async function refuseDemoUser(storage: Storage): Promise<void> {
  const demo = await storage.findUserByName(demoUsername)
  if (demo === undefined || demo.disabledAt !== null || !demo.roles.includes(demoRole)) return
  throw new ConfigurationError([
    {
      setting: 'PAWL_MODE',
      reason: `is production, but the store holds the demo user "${demoUsername}"`,
      fix: `disable it with: pawl user disable ${demoUsername}`,
    },
  ])
}

function notStarted(): Response {
  const { status, description } = errorTable.temporarily_unavailable
  const body = { error: 'temporarily_unavailable', error_description: description, request_id: randomUUID() }
  return Response.json(body, { status, headers: { 'Retry-After': '5', 'Cache-Control': 'no-store' } })
}
