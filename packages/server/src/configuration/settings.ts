import type { CookieNames, SignatureAlgorithm } from '@pawl/protocol'
import type { Logger } from 'pino'
import type { FetchDocument } from '../client-documents/fetch-document.ts'
import type { ClaimsHook } from '../grants/application-claims.ts'
import type { Clock, Random } from '../secrets/random.ts'
import type { ServerSecret } from '../secrets/server-secrets.ts'
import type { Storage } from '../storage/store-ports.ts'
import type { Authenticate } from '../users/external-user.ts'
import type { CookiePlan } from './cookie-plan.ts'
import type { DatabaseAddress } from './database-address.ts'

/**
 * What a server can be told, whether by environment, by flags of `pawl start` or in code. All fields are optional.
 * Names, defaults and bounds of the settings stand once, in settings-table.ts.
 */
export interface PawlConfiguration {
  /** TCP port to listen on, 0 to 65535; 0 lets the system choose and needs an `issuer`. Default 8080. */
  readonly port?: number
  /** Address or name to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /**
   * The URL that people and applications reach this server under, and the `iss` of its tokens (RFC 8414 section 2):
   * scheme, host, perhaps a port and a path, nothing else. A trailing slash is dropped and the host written in lower
   * case. The path is the base path of every endpoint. Default `http://localhost:PORT`.
   */
  readonly issuer?: string
  /** `production` refuses to start on unsafe settings that `development` only warns about. Default `development`. */
  readonly mode?: Mode
  /** Directory of the database `pawl.db` and of generated secrets. Default `./data`. */
  readonly data?: string
  /**
   * The PostgreSQL database that several nodes share, as `postgres://…`; needs the engine in `postgres`. Default: none,
   * and everything is kept in SQLite.
   */
  readonly databaseUrl?: string
  /** The same database without a connection pooler in between, for hearing of other nodes' changes. Default: none. */
  readonly databaseDirectUrl?: string
  /**
   * The server's secrets, newest first, each base64url of 32 or more random bytes; a list, or one comma-separated string.
   * Default in development: generated into `data`. Production must be given one.
   */
  readonly secrets?: string | readonly string[]
  /** Lifetime of an access token in seconds, 1 to 86,400 and below `idleSeconds`. Default 900. */
  readonly accessSeconds?: number
  /** A session ends when it was not used for this many seconds, at most `absoluteSeconds`. Default 2,592,000 (30 days). */
  readonly idleSeconds?: number
  /** A session ends this many seconds after sign-in, whatever happens. Default 7,776,000 (90 days). */
  readonly absoluteSeconds?: number
  /** How long after a rotation the previous refresh token is answered with the same successor: 0 to 300 s. Default 30. */
  readonly raceWindowSeconds?: number
  /** Resource (absolute URI, RFC 8707 section 2) that tokens are for when a request names none. Default: the issuer. */
  readonly audience?: string
  /** Exact origins, beside the issuer's own, that may call `/auth/*` with credentials. Default none. */
  readonly trustedOrigins?: string | readonly string[]
  /** Addresses or CIDR ranges of proxies whose `X-Forwarded-For` is believed. Default none. */
  readonly trustedProxies?: string | readonly string[]
  /** Whether people may register themselves at `/auth/register`. Default false (`off`). */
  readonly registration?: boolean | 'on' | 'off'
  /** Whether applications may register themselves at `/oauth/register` (RFC 7591). Default false (`off`). */
  readonly clientRegistration?: boolean | 'on' | 'off'
  /**
   * Whether an https URL may be a client id (Client ID Metadata Documents). The server then fetches what lies there, from
   * public addresses only. Default false (`off`).
   */
  readonly clientDocuments?: boolean | 'on' | 'off'
  /** Scope values that clients may ask for which no administrator has registered. Default none. */
  readonly openClientScopes?: string | readonly string[]
  /** Resources that such clients may ask tokens for. Default: `audience`. */
  readonly openClientResources?: string | readonly string[]
  /**
   * Who may read the revocation feed: anyone (`open`), or who has an access token with the scope `revocations:read`
   * (`token`). Default `open`.
   */
  readonly revocations?: FeedAccess
  /**
   * `oauth2.1`; or `oidc`, which does what OpenID Connect demands beside: RS256 signatures (OpenID Connect Discovery
   * section 3), and `acr_values` that are passed over where they cannot be reached. Default `oauth2.1`.
   */
  readonly profile?: Profile
  /** What the pages for signing in and consent call this server. Default `Pawl`. */
  readonly pageName?: string
  /** Logo of those pages as a `data:` URI of an image in base64, at most 64 KiB. Default: none. */
  readonly pageLogo?: string
  /** Colour of their button that goes on, as `#rrggbb`. Default: Pawl's own. */
  readonly pageColour?: string
  /** Algorithm of newly made signing keys. Default `ES256`; with the profile `oidc` `RS256`, and no other. */
  readonly signingAlgorithm?: SignatureAlgorithm

  /** In code only: the engine that sessions, users, clients and keys live in. Default: SQLite in `data`. */
  readonly storage?: Storage
  /** In code only: makes the engine for `databaseUrl`: `postgresStorage` of `@pawl/storage-postgres`. Default: none. */
  readonly postgres?: PostgresEngine
  /** In code only: the application's own sign-in, asked instead of the built-in users' passwords. Default: none. */
  readonly authenticate?: Authenticate
  /** In code only: the application's own claims, asked for every access token of a session. Default: none. */
  readonly claims?: ClaimsHook
  /**
   * In code only: fetches the documents that clients publish, such as through a proxy; it then has to keep to what
   * {@link FetchDocument} promises. Default: directly, and from public addresses only where strangers name the URL.
   */
  readonly fetchDocument?: FetchDocument
  /** In code only: where log lines go. Default: a pino logger on stderr with secrets redacted. */
  readonly logger?: Logger
  /** In code only: source of unguessable bytes, for tests and simulations. Default: the system's. */
  readonly random?: Random
  /** In code only: the node's own clock in milliseconds since 1970; decisions use the store's. Default: the system's. */
  readonly clock?: Clock
  /** In code only: milliseconds that only grow, for deadlines and durations. Default: the system's. */
  readonly monotonic?: Clock
  /** In code only: how work beside the requests is repeated. Default: by timers of the system that keep no process alive. */
  readonly repeat?: Repeat
  /** In code only: where several processes serve one port, which one this is, so that `/metrics` tells of all. Default: alone. */
  readonly siblings?: Siblings
  /** What `readConfiguration` gathered from environment and flags; fields beside it win. Not for writing by hand. */
  readonly gathered?: GatheredSettings
}

/** Of several processes behind one port: which one this is, and what all of them count. */
export interface Siblings {
  /** Label of this process's figures; the next process in its place has the same. */
  readonly worker: string
  /** What `Pawl.counted` gives in every process behind the port, this one included. */
  readonly countedByAll: () => Promise<readonly unknown[]>
}

/**
 * Does something again and again, and gives a function that ends it.
 *
 * @param task gives what there is to wait for; undefined: the last time is not over, and nothing was begun
 */
export type Repeat = (milliseconds: number, task: () => Promise<void> | undefined) => () => void

/** Makes an engine on a PostgreSQL database. */
type PostgresEngine = (options: { readonly url: string; readonly directUrl?: string }) => Storage

/** Who may read the revocation feed. */
type FeedAccess = 'open' | 'token'

/** What a server does beyond OAuth 2.1. */
type Profile = 'oauth2.1' | 'oidc'

/** How strict a server is about its settings. */
type Mode = 'development' | 'production'

/** One reason why a server cannot start, with the way out. Holds no secret. */
export interface ConfigurationProblem {
  /** The setting as it was spelled where it came from: `PAWL_ISSUER`, `--issuer` or `issuer`. */
  readonly setting: string
  /** What is wrong, as a clause that follows the setting's name. */
  readonly reason: string
  /** What to do about it, as an instruction. */
  readonly fix: string
}

/** Settings as text, from environment and flags. */
interface GatheredSettings {
  /** Each setting that was given: its text, and the variable or flag that it came by. */
  readonly texts: Readonly<Partial<Record<SettingName, { readonly spelling: string; readonly text: string }>>>
  readonly warnings: readonly string[]
}

/** Fields that exist in code only and have no row in the settings table. */
export type CodeOnlyField =
  | 'storage'
  | 'postgres'
  | 'authenticate'
  | 'claims'
  | 'fetchDocument'
  | 'logger'
  | 'random'
  | 'clock'
  | 'monotonic'
  | 'repeat'
  | 'siblings'
  | 'gathered'

/** Fields that environment, flags and code share. */
export type SettingName = Exclude<keyof PawlConfiguration, CodeOnlyField>

/** What each setting is once it was read and found well-formed by itself. */
export interface SettingValues {
  readonly port: number
  readonly host: string
  readonly issuer: IssuerParts
  readonly mode: Mode
  readonly data: string
  readonly databaseUrl: DatabaseAddress
  readonly databaseDirectUrl: DatabaseAddress
  readonly secrets: GivenSecrets
  readonly accessSeconds: number
  readonly idleSeconds: number
  readonly absoluteSeconds: number
  readonly raceWindowSeconds: number
  readonly audience: string
  readonly trustedOrigins: readonly string[]
  readonly trustedProxies: readonly string[]
  readonly registration: boolean
  readonly clientRegistration: boolean
  readonly clientDocuments: boolean
  readonly openClientScopes: readonly string[]
  readonly openClientResources: readonly string[]
  readonly revocations: FeedAccess
  readonly profile: Profile
  readonly pageName: string
  readonly pageLogo: string
  readonly pageColour: string
  readonly signingAlgorithm: SignatureAlgorithm
}

/** Secrets that were given and are well-formed. Their bytes stay inside. */
interface GivenSecrets {
  /** Newest first. */
  readonly secrets: ServerSecrets
  /** Places, from 1, of those too uniform to be random. */
  readonly weakPositions: readonly number[]
}

/** At least one secret, newest first. */
export type ServerSecrets = readonly [ServerSecret, ...ServerSecret[]]

/** An issuer taken apart. */
export interface IssuerParts {
  /** The whole, as it stands in `iss`: no trailing slash. */
  readonly issuer: string
  /** Scheme, host and port. */
  readonly origin: string
  /** Host without port; an IPv6 address in brackets. */
  readonly hostname: string
  /** Path without trailing slash: empty, or `/id`. */
  readonly basePath: string
  /** Whether it is https. */
  readonly secure: boolean
}

/** The settings of a running server: complete, consistent with each other, and never changed. */
export interface Settings {
  readonly mode: Mode
  /** Address or name to listen on. */
  readonly host: string
  /** TCP port to listen on; 0 lets the system choose. */
  readonly port: number
  /** `iss` of every token; no trailing slash. */
  readonly issuer: string
  /** Origin of the issuer. */
  readonly issuerOrigin: string
  /** Path under which all endpoints lie: the issuer's, without trailing slash; empty for none. */
  readonly basePath: string
  /** Whether the issuer is https: Secure and prefixed cookies, HSTS. */
  readonly secure: boolean
  /** Directory of the database and of generated secrets, as given. */
  readonly data: string
  /** Host and name of the PostgreSQL database; undefined when the engine is another. */
  readonly database: string | undefined
  /** Secrets, newest first; `generate` in development when none were given: see load-secrets.ts. */
  readonly secrets: ServerSecrets | 'generate'
  /** Seconds. */
  readonly accessSeconds: number
  /** Seconds. */
  readonly idleSeconds: number
  /** Seconds. */
  readonly absoluteSeconds: number
  /** Seconds, 0 to 300. */
  readonly raceWindowSeconds: number
  /** Resource that tokens are for by default. */
  readonly audience: string
  /** Origins that may call `/auth/*` with credentials, the issuer's own first. */
  readonly trustedOrigins: readonly string[]
  /** Addresses and CIDR ranges in one canonical spelling. */
  readonly trustedProxies: readonly string[]
  readonly registration: boolean
  readonly clientRegistration: boolean
  readonly clientDocuments: boolean
  /** What clients may ask for which no administrator has registered. */
  readonly openClients: { readonly scopes: readonly string[]; readonly resources: readonly string[] }
  /** Who may read the revocation feed. */
  readonly revocations: FeedAccess
  readonly profile: Profile
  readonly pageName: string
  readonly pageLogo: string | undefined
  readonly pageColour: string | undefined
  readonly signingAlgorithm: SignatureAlgorithm
  readonly cookieNames: CookieNames
  /** Every cookie this server sets, with all its attributes but `Max-Age`. */
  readonly cookies: CookiePlan
}
