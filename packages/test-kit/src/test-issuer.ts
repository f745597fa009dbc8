import {
  type Administration,
  createLogger,
  createPawl,
  memoryStorage,
  type Pawl,
  type PawlConfiguration,
  type SecurityEvent,
} from '@pawl/server'
import {
  type AccessTokenClaims,
  createVerifier,
  type StandardSchema,
  type Verifier,
  type VerifierOptions,
} from '@pawl/verifier'
import { createActivity } from './activity.ts'
import { createFaults, type Faults } from './faults.ts'
import { createIssuerNodes } from './issuer-nodes.ts'
import { createPeople, type PersonOptions } from './people.ts'
import type { Refused } from './replies.ts'
import { seededRandom } from './seeded-random.ts'
import { createSignIns, type SignInOptions, type TestClientRegistration, type TestSession } from './sign-ins.ts'
import { openBrowser, type TestBrowser, type TestClient, type TestClientOptions } from './test-browser.ts'
import { createTestClock, type TestClock } from './test-clock.ts'
import type { TestIssuerOptions } from './test-issuer-options.ts'
import { testSecret } from './test-secret.ts'
import { commitTheft } from './theft.ts'
import { createTransport, type Exchange, type Handler } from './transport.ts'

/** What a verifier of a test issuer has to be given. */
export type TestVerifierOptions = Required<
  Pick<VerifierOptions, 'issuer' | 'audience' | 'algorithms' | 'fetch' | 'clock' | 'dangerouslyAcceptTestKeys'>
>

/** A signing key that was published by {@link TestIssuer.rotateKeys}. */
export interface TestKeyRotation {
  readonly kid: string
  /** From when it signs, in milliseconds since 1970. */
  readonly activeFrom: number
}

/** A Pawl server in this process, and everything around it that a test needs. */
export interface TestIssuer extends AsyncDisposable {
  /** URL of the server, as in the `iss` of its tokens. */
  readonly issuer: string
  /** Default audience of its tokens. */
  readonly audience: string
  /** The one clock of server, verifiers and clients. */
  readonly clock: TestClock
  /** What is to go wrong. */
  readonly faults: Faults
  /** Every request that reached for the issuer, in order; what the kit does to set a test up is not among them. */
  readonly exchanges: readonly Exchange[]
  /** What operators do, on the same store; faults do not concern it. */
  readonly administration: Administration
  /** What the application's own verifier has to be given in a test: `createVerifier({ ...kit.verifierOptions, … })`. */
  readonly verifierOptions: TestVerifierOptions
  /** For the application's own code: reaches the issuer and what the test serves, and never the network. */
  readonly fetch: typeof globalThis.fetch
  /** Puts an application's handler at a URL, for requests to it and to all URLs below it. */
  readonly serve: (address: string, handler: Handler) => void
  /** Adds a user, or changes what the options name. */
  readonly setUser: (username: string, options?: PersonOptions) => Promise<void>
  /**
   * Registers a client.
   *
   * @returns its secret, given or made; undefined for a public one
   * @throws TypeError naming the field that does not fit
   */
  readonly addClient: (registration: TestClientRegistration) => Promise<{ readonly secret: string | undefined }>
  /** Opens a session for a user, who need not exist yet, with both tokens at hand. */
  readonly signIn: (username: string, options?: SignInOptions) => Promise<TestSession>
  /** An access token of a new session. */
  readonly accessToken: (username: string, options?: SignInOptions) => Promise<string>
  /** An access token that has expired a moment ago, beyond every skew of clocks that a verifier may allow. */
  readonly expiredToken: (username: string, options?: SignInOptions) => Promise<string>
  /** Opens a browser in which nobody is signed in. */
  readonly browser: () => TestBrowser
  /** A real client in a browser of its own, in which that user has just signed in. */
  readonly client: (username: string, options?: TestClientOptions & PersonOptions) => Promise<TestClient>
  /** A real verifier of this issuer's access tokens. */
  readonly verifier: {
    /** With a schema of the application's own claims, which gives them its type. */
    <Own extends object>(
      options: Partial<VerifierOptions<Own>> & { readonly claims: StandardSchema<Own> },
    ): Verifier<AccessTokenClaims & Own>
    (options?: Partial<VerifierOptions>): Verifier
  }
  /** Ends a session, as an operator does. False: it has ended already, or never was. */
  readonly revoke: (session: Pick<TestSession, 'sessionId'> | string) => Promise<boolean>
  /**
   * Plays a theft: copies the refresh token, lets the owner refresh, and presents the copy after the race window, for
   * which the clock moves.
   *
   * @returns what the thief was answered; the session has ended by it
   */
  readonly theft: (from: TestSession | TestBrowser) => Promise<Refused>
  /** Publishes a new signing key; it signs from `activeFrom` on, as in production. */
  readonly rotateKeys: () => Promise<TestKeyRotation>
  /** Takes the signing key out and puts a new one in its place, both at once, as after a leak. */
  readonly killKeys: () => Promise<void>
  /** Kills the server's node: all that it knew but the store is gone. The next request finds a new one. */
  readonly kill: () => void
  /** What has happened so far, oldest first. */
  readonly events: () => Promise<readonly SecurityEvent[]>
  /** Lets go of everything. */
  readonly close: () => Promise<void>
}

const defaultAccessSeconds = 900
const defaultWindowSeconds = 30
/** Largest skew that a verifier may allow, and one more. */
const beyondSkewSeconds = 61
const manyEvents = 1_000

/**
 * Starts a Pawl server in this process: the real one, with a key of its own, on a store in memory, and nothing on the
 * network. Make one for each test.
 *
 * @throws Error where `NODE_ENV` is `production`; ConfigurationError when the options do not fit
 * @example
 * await using kit = await createTestIssuer()
 * const { accessToken } = await kit.signIn('ada', { roles: ['admin'] })
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  refuseProduction(options)
  const { issuer = 'https://app.test', audience = 'https://api.test', seed = 1 } = options
  const activity = createActivity()
  const clock = createTestClock(options.now ?? Date.now(), activity)
  const faults = createFaults()
  // One stream for all nodes: a new node that began anew would draw the ids of sessions that exist already.
  const random = seededRandom(`issuer ${issuer} ${seed}`)
  const delay = (milliseconds: number) => activity.hold(clock.wait(milliseconds))

  const signIns = createSignIns({
    issuer,
    makeStore: (now) => memoryStorage({ clock: now }),
    now: clock.now,
    people: () => people,
    administration: () => operator().administration,
    answer: (request) => nodes.answer(request),
    accessSeconds: options.accessSeconds ?? defaultAccessSeconds,
    windowSeconds: options.raceWindowSeconds ?? defaultWindowSeconds,
  })
  const { store } = signIns
  const people = createPeople({
    store,
    now: clock.now,
    authenticate: options.authenticate,
    claims: options.claims,
  })
  const configuration: PawlConfiguration = {
    ...settingsOf(options),
    issuer,
    audience,
    secrets: testSecret,
    authenticate: people.authenticate,
    claims: people.claims,
    logger: options.logger ?? silentLogger(),
    random,
    clock: signIns.now,
    monotonic: clock.now,
    repeat: clock.repeat,
  }
  let running: Pawl | undefined
  /** A server that answers nobody: a node may die, the operator does not. */
  function operator(): Pawl {
    running ??= createPawl({ ...configuration, storage: store })
    return running
  }
  const nodes = createIssuerNodes({ store, configuration, delay })
  const transport = createTransport({ issuer, answer: nodes.answer, faults, clock, activity })
  const browserParts = { issuer, fetch: transport.fetch, clock, random: seededRandom(`clients ${issuer} ${seed}`) }
  const verifierOptions: TestVerifierOptions = {
    issuer,
    audience,
    algorithms: [options.signingAlgorithm ?? 'ES256'],
    fetch: (url, init) => transport.fetch(url, init),
    clock: clock.now,
    dangerouslyAcceptTestKeys: true,
  }
  const verifiers: Pick<Verifier, 'close'>[] = []

  function verifier<Own extends object>(
    wanted: Partial<VerifierOptions<Own>> & { readonly claims: StandardSchema<Own> },
  ): Verifier<AccessTokenClaims & Own>
  function verifier(wanted?: Partial<VerifierOptions>): Verifier
  function verifier<Own extends object>({ claims, ...wanted }: Partial<VerifierOptions<Own>> = {}) {
    const common = { ...verifierOptions, ...wanted }
    const made = claims === undefined ? createVerifier(common) : createVerifier({ ...common, claims })
    verifiers.push(made)
    return made
  }

  const told: SecurityEvent[] = []

  async function client(username: string, wanted: TestClientOptions & PersonOptions = {}): Promise<TestClient> {
    const { access, allowedOrigins, attempts, ...person } = wanted
    const { password } = await people.describe(username, person)
    const browser = openBrowser(browserParts)
    const tab = browser.openTab({
      ...(access !== undefined && { access }),
      ...(allowedOrigins !== undefined && { allowedOrigins }),
      ...(attempts !== undefined && { attempts }),
    })
    const outcome = await transport.aside(() => tab.signIn({ username, password }))
    if (!outcome.ok) throw new Error(`the sign-in of ${username} failed: ${JSON.stringify(outcome)}`)
    return tab
  }

  async function events(): Promise<readonly SecurityEvent[]> {
    for (;;) {
      const waiting = await store.nextEvents(manyEvents)
      if (waiting.length === 0) return [...told]
      told.push(...waiting.map(({ event }) => event))
      await store.forgetEvents(waiting.map(({ sequence }) => sequence))
    }
  }

  async function close(): Promise<void> {
    for (const made of verifiers) made.close()
    await nodes.close()
  }

  await nodes.ready()
  return {
    issuer,
    audience,
    clock,
    faults,
    exchanges: transport.exchanges,
    get administration() {
      return operator().administration
    },
    verifierOptions,
    fetch: transport.fetch,
    serve: transport.serve,
    setUser: async (username, person) => {
      await people.describe(username, person)
    },
    addClient: signIns.addClient,
    signIn: (username, wanted) => signIns.signIn(username, wanted),
    accessToken: async (username, wanted) => (await signIns.signIn(username, wanted)).accessToken,
    expiredToken: async (username, wanted = {}) => {
      const ago = signIns.accessSeconds(wanted.client) + beyondSkewSeconds
      return (await signIns.signIn(username, wanted, clock.now() - ago * 1_000)).accessToken
    },
    browser: () => openBrowser(browserParts),
    client,
    verifier,
    revoke: async (session) => {
      const id = typeof session === 'string' ? session : session.sessionId
      return (await operator().administration.revokeSession(id)) === 'revoked'
    },
    theft: (from) => {
      const answer = (request: Request) => nodes.answer(request)
      return transport.aside(() => commitTheft(from, { issuer, clock, signIns, answer }))
    },
    rotateKeys: async () => {
      const { kid, activeFrom } = await operator().administration.rotateKey()
      return { kid, activeFrom }
    },
    killKeys: async () => {
      const { signingKeys } = await operator().administration.listKeys()
      // The newest first: whichever signs then is replaced by a fresh one.
      for (const { kid } of signingKeys) await operator().administration.killKey(kid)
    },
    kill: nodes.kill,
    events,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** What the options say of the server itself. */
function settingsOf(options: TestIssuerOptions): PawlConfiguration {
  const { accessSeconds, idleSeconds, absoluteSeconds, raceWindowSeconds } = options
  const { trustedOrigins, registration, signingAlgorithm } = options
  return {
    ...(accessSeconds !== undefined && { accessSeconds }),
    ...(idleSeconds !== undefined && { idleSeconds }),
    ...(absoluteSeconds !== undefined && { absoluteSeconds }),
    ...(raceWindowSeconds !== undefined && { raceWindowSeconds }),
    ...(trustedOrigins !== undefined && { trustedOrigins }),
    ...(registration !== undefined && { registration }),
    ...(signingAlgorithm !== undefined && { signingAlgorithm }),
  }
}

function silentLogger(): NonNullable<PawlConfiguration['logger']> {
  const logger = createLogger()
  logger.level = 'silent'
  return logger
}

function refuseProduction({ dangerouslyRunInProduction = false }: TestIssuerOptions): void {
  if (process.env['NODE_ENV'] !== 'production' || dangerouslyRunInProduction) return
  throw new Error(
    '@pawl/test-kit does not run where NODE_ENV is production: its server secret is published, so that everybody can ' +
      'forge its tokens. For tests of a production build set dangerouslyRunInProduction.',
  )
}
