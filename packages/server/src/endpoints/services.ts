import type { Logger } from 'pino'
import type { ConsentStore } from '../authorizations/consent-store.ts'
import type { PageProofs } from '../authorizations/page-proof.ts'
import type { TicketStore } from '../authorizations/ticket-store.ts'
import type { PlannedCookie } from '../configuration/cookie-plan.ts'
import type { Settings } from '../configuration/settings.ts'
import type { ClaimsHook } from '../grants/application-claims.ts'
import type { Grants } from '../grants/grants.ts'
import type { ReportHookFailure } from '../grants/prepare-tokens.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { ClientRecord } from '../registered-clients/client.ts'
import type { AuthenticateClient } from '../registered-clients/client-authentication.ts'
import type { SelfRegistrations } from '../registered-clients/self-registration.ts'
import type { RevocationFeed } from '../revocations/revocation-feed.ts'
import type { RevocationStore } from '../revocations/revocation-store.ts'
import type { Throttle } from '../throttling/throttle.ts'
import type { StoreClock } from '../tokens/check-access-token.ts'
import type { TokenDependencies } from '../tokens/refresh-session.ts'
import type { Accounts } from '../users/accounts.ts'
import type { Metrics } from './metrics.ts'
import type { PageFrame } from './pages/page-frame.ts'

/** What endpoints call upon; filled by the assembler. */
export interface Services {
  readonly settings: Settings
  readonly cookies: readonly PlannedCookie[]
  /** Exact origins that may call `/auth/*` with credentials, the issuer's own among them. */
  readonly trustedOrigins: ReadonlySet<string>
  readonly accounts: Pick<Accounts, 'signIn' | 'register' | 'changePassword'>
  readonly authenticateClient: AuthenticateClient
  readonly throttle: Throttle
  readonly selfRegistrations: SelfRegistrations
  readonly findClient: (id: string) => Promise<ClientRecord | undefined>
  /** The clients as which the first-party endpoints act, by id: the built-in one, and in development the playground's. */
  readonly ownClients: ReadonlyMap<string, ClientRecord>
  /** Every resource that some client is registered for, and the default one: what the first party may ask tokens for. */
  readonly knownResources: () => Promise<readonly string[]>
  readonly grants: Grants
  readonly tickets: TicketStore
  readonly consents: ConsentStore
  /** What the pages for people are made with. */
  readonly pages: { readonly frame: PageFrame; readonly proofs: PageProofs }
  readonly claims: ClaimsHook | undefined
  readonly reportHookFailure: ReportHookFailure
  readonly tokens: TokenDependencies & { readonly clock: StoreClock }
  readonly keys: Pick<KeyRing, 'jwks'>
  /** Up to which instant the claims in a user's tokens are out of date. */
  readonly claimsChangedAt: RevocationStore['claimsChangedAt']
  readonly feed: Pick<RevocationFeed, 'subscribe'>
  readonly metrics: Metrics
  readonly logger: Logger
  readonly newRequestId: () => string
  /** The address of the client: the peer's, or what trusted proxies say. */
  readonly clientAddress: (peerAddress: string | undefined, headers: Headers) => string | null
  /** Whether the server takes new work. */
  readonly isDraining: () => boolean
}

/** Types that the routes share. */
export interface RequestEnvironment {
  Variables: RequestVariables
  Bindings: { remoteAddress: string | undefined }
}

/** What a request carries through its handlers. */
export interface RequestVariables {
  requestId: string
  /** {@link TokenDependencies.monotonic} at arrival, in milliseconds. */
  arrivedAt: number
  /** What became of the request, for the log line; a refusal sets it to its codes. */
  outcome: string
  clientAddress: string | null
}
