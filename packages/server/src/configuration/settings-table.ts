import { isIP } from 'node:net'
import { signatureAlgorithms } from '@pawl/protocol'
import { z } from 'zod'
import { parseServerSecrets } from '../secrets/server-secrets.ts'
import { type DatabaseAddress, readDatabaseAddress } from './database-address.ts'
import { readIssuer, readOrigin } from './issuer.ts'
import type { SettingName, SettingValues } from './settings.ts'
import { readProxyRange } from './trusted-proxy.ts'

/** One setting: where it comes from, what it means, and how its value is read. */
export interface SettingRow<Value> {
  /** Environment variable. */
  readonly environment: string
  /** Flag of `pawl start`, without its dashes; null where there is none, since argv is open to every process. */
  readonly flag: string | null
  /** What stands for the value in help texts. */
  readonly placeholder: string
  /** The default, as people would write it. */
  readonly default: string
  /** One sentence, with the unit. */
  readonly meaning: string
  /** What to set it to; follows "set it to". */
  readonly expected: string
  /** Reads text from environment and flags as well as values given in code; messages follow the setting's name. */
  readonly schema: z.ZodType<Value>
}

function wholeNumber(least: number, most: number): z.ZodType<number> {
  return z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^[0-9]{1,15}$/)
          .transform(Number),
      ],
      { error: 'is not a whole number' },
    )
    .pipe(z.int('is not a whole number').min(least, `is less than ${least}`).max(most, `is more than ${most}`))
}

function oneOf<const Words extends readonly [string, ...string[]]>(words: Words): z.ZodType<Words[number]> {
  return z.enum(words, { error: `is none of ${words.join(', ')}` })
}

/** A list given as an array or as text with commas; blanks around an entry do not count. */
function listOf(read: (entry: string) => string | undefined, complaint: string): z.ZodType<readonly string[]> {
  return z
    .union([z.string().transform((text) => text.split(',')), z.array(z.string()).readonly()], {
      error: 'is neither a list nor text',
    })
    .transform((entries, context) => {
      const values = new Set<string>()
      for (const entry of entries.map((text) => text.trim()).filter((text) => text !== '')) {
        const value = read(entry)
        if (value === undefined)
          context.addIssue({ code: 'custom', message: `holds "${entry}", ${complaint}`, input: entry })
        else values.add(value)
      }
      return [...values]
    })
}

const issuer: z.ZodType<SettingValues['issuer']> = z.string('is not text').transform((text, context) => {
  const reading = readIssuer(text)
  if (reading.ok) return reading.parts
  context.addIssue({ code: 'custom', message: reading.reason, input: text })
  return z.NEVER
})

const secrets: z.ZodType<SettingValues['secrets']> = z
  .union(
    [
      z.string(),
      z
        .array(z.string())
        .readonly()
        .transform((list) => list.join(',')),
    ],
    { error: 'is neither a list nor text' },
  )
  .transform((text, context) => {
    const outcome = parseServerSecrets(text)
    if (outcome.ok) return { secrets: outcome.secrets, weakPositions: outcome.weakPositions }
    // The messages name places in the list and never what stands there; the input stays out of the issue for the same reason.
    for (const refusal of outcome.refusals)
      context.addIssue({ code: 'custom', message: `is refused: ${refusal.message}`, input: undefined })
    return z.NEVER
  })

const host: z.ZodType<string> = z
  .string('is not text')
  .refine((text) => isIP(text) !== 0 || /^[A-Za-z0-9._-]+$/.test(text), {
    error: 'is neither an address nor a host name (a port goes into the port setting)',
  })

const data: z.ZodType<string> = z.string('is not text').regex(/^[^\0]+$/, 'is not a path')

/** The URL may hold a password, so neither message nor issue repeats it. */
const databaseUrl: z.ZodType<DatabaseAddress> = z.string('is not text').transform((text, context) => {
  const address = readDatabaseAddress(text)
  if (address !== undefined) return address
  context.addIssue({ code: 'custom', message: 'is no URL of a PostgreSQL database', input: undefined })
  return z.NEVER
})

const audience: z.ZodType<string> = z
  .string('is not text')
  .refine((text) => /^[A-Za-z][A-Za-z0-9+.-]*:[\x21\x22\x24-\x7e]+$/.test(text) && URL.canParse(text), {
    error: 'is not an absolute URI without fragment',
  })

/** RFC 6749 section 3.3: scope-token. */
function readScope(text: string): string | undefined {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(text) ? text : undefined
}

function readResource(text: string): string | undefined {
  return audience.safeParse(text).data
}

const registration: z.ZodType<boolean> = z.union(
  [z.boolean(), z.enum(['on', 'off']).transform((word) => word === 'on')],
  { error: 'is neither on nor off' },
)

/** Every setting there is. Help texts, documentation, the environment reader and the validation all come from here. */
export const settingsTable: { readonly [Name in SettingName]: SettingRow<SettingValues[Name]> } = {
  port: {
    environment: 'PORT',
    flag: 'port',
    placeholder: 'number',
    default: '8080',
    meaning: 'TCP port to listen on; 0 lets the system choose.',
    expected: 'a whole number from 0 to 65535',
    schema: wholeNumber(0, 65_535),
  },
  host: {
    environment: 'HOST',
    flag: 'host',
    placeholder: 'address',
    default: '127.0.0.1',
    meaning: 'Address or name to listen on; 0.0.0.0 for all of IPv4, :: for all.',
    expected: 'an address such as 127.0.0.1 or a name such as localhost',
    schema: host,
  },
  issuer: {
    environment: 'PAWL_ISSUER',
    flag: 'issuer',
    placeholder: 'url',
    default: 'http://localhost:PORT',
    meaning:
      'The URL under which people and applications reach the server, and the issuer of its tokens; its path is the base path of every endpoint.',
    expected: 'scheme, host, perhaps a port and a path, such as https://id.example or https://example.com/id',
    schema: issuer,
  },
  mode: {
    environment: 'PAWL_MODE',
    flag: 'mode',
    placeholder: 'mode',
    default: 'development',
    meaning: 'production refuses to start on unsafe settings that development only warns about.',
    expected: 'development or production',
    schema: oneOf(['development', 'production']),
  },
  data: {
    environment: 'PAWL_DATA',
    flag: 'data',
    placeholder: 'directory',
    default: './data',
    meaning: 'Directory of the database pawl.db and of generated secrets.',
    expected: 'the path of a directory',
    schema: data,
  },
  databaseUrl: {
    environment: 'PAWL_DATABASE_URL',
    flag: 'database-url',
    placeholder: 'url',
    default: 'none: SQLite in PAWL_DATA',
    meaning: 'PostgreSQL database that several nodes share; as a flag it must not hold a password.',
    expected: 'a URL such as postgres://pawl@db.example/pawl (the password may also stand in PGPASSWORD)',
    schema: databaseUrl,
  },
  databaseDirectUrl: {
    environment: 'PAWL_DATABASE_DIRECT_URL',
    flag: 'database-direct-url',
    placeholder: 'url',
    default: 'none',
    meaning: 'The same database past a connection pooler, so that nodes hear of changes at once.',
    expected: 'a URL such as postgres://pawl@db.example/pawl (the password may also stand in PGPASSWORD)',
    schema: databaseUrl,
  },
  secrets: {
    environment: 'PAWL_SECRETS',
    flag: null,
    placeholder: 'list',
    default: 'generated into PAWL_DATA, in development only',
    meaning: 'Secrets of the server, newest first, separated by commas; each is base64url of 32 or more random bytes.',
    expected: 'the output of: openssl rand -base64 32 | tr "+/" "-_" | tr -d "="',
    schema: secrets,
  },
  accessSeconds: {
    environment: 'PAWL_ACCESS_SECONDS',
    flag: 'access-seconds',
    placeholder: 'seconds',
    default: '900',
    meaning: 'Lifetime of an access token in seconds; shorter than the idle limit.',
    expected: 'a whole number of seconds from 1 to 86400',
    schema: wholeNumber(1, 86_400),
  },
  idleSeconds: {
    environment: 'PAWL_IDLE_SECONDS',
    flag: 'idle-seconds',
    placeholder: 'seconds',
    default: '2592000',
    meaning: 'Seconds without use after which a session ends; at most the absolute limit.',
    expected: 'a whole number of seconds from 2 to 315360000 (ten years)',
    schema: wholeNumber(2, 315_360_000),
  },
  absoluteSeconds: {
    environment: 'PAWL_ABSOLUTE_SECONDS',
    flag: 'absolute-seconds',
    placeholder: 'seconds',
    default: '7776000',
    meaning: 'Seconds from sign-in after which a session ends, whatever happens.',
    expected: 'a whole number of seconds from 2 to 315360000 (ten years)',
    schema: wholeNumber(2, 315_360_000),
  },
  raceWindowSeconds: {
    environment: 'PAWL_RACE_WINDOW_SECONDS',
    flag: 'race-window-seconds',
    placeholder: 'seconds',
    default: '30',
    meaning: 'Seconds after a rotation during which the previous refresh token is answered with the same successor.',
    expected: 'a whole number of seconds from 0 to 300',
    schema: wholeNumber(0, 300),
  },
  audience: {
    environment: 'PAWL_AUDIENCE',
    flag: 'audience',
    placeholder: 'uri',
    default: 'the issuer',
    meaning: 'Resource that access tokens are for when a request names none.',
    expected: 'an absolute URI without fragment, such as https://api.example',
    schema: audience,
  },
  trustedOrigins: {
    environment: 'PAWL_TRUSTED_ORIGINS',
    flag: 'trusted-origins',
    placeholder: 'list',
    default: "none beside the issuer's own",
    meaning: 'Origins, separated by commas, that may call /auth/* with credentials (CORS).',
    expected:
      'exact origins as browsers send them, such as https://app.example or http://localhost:5173, separated by commas',
    schema: listOf(
      readOrigin,
      'which is not an exact origin (scheme, host and port as a browser sends them, nothing after)',
    ),
  },
  trustedProxies: {
    environment: 'PAWL_TRUSTED_PROXIES',
    flag: 'trusted-proxies',
    placeholder: 'list',
    default: 'none',
    meaning: 'Addresses or CIDR ranges, separated by commas, of proxies whose X-Forwarded-For is believed.',
    expected: 'addresses or CIDR ranges such as 10.0.0.7 or 10.0.0.0/8, separated by commas',
    schema: listOf(readProxyRange, 'which is neither an address nor a CIDR range'),
  },
  registration: {
    environment: 'PAWL_REGISTRATION',
    flag: 'registration',
    placeholder: 'on|off',
    default: 'off',
    meaning: 'Whether people may register themselves at /auth/register.',
    expected: 'on or off',
    schema: registration,
  },
  clientRegistration: {
    environment: 'PAWL_CLIENT_REGISTRATION',
    flag: 'client-registration',
    placeholder: 'on|off',
    default: 'off',
    meaning: 'Whether applications may register themselves at /oauth/register.',
    expected: 'on or off',
    schema: registration,
  },
  clientDocuments: {
    environment: 'PAWL_CLIENT_DOCUMENTS',
    flag: 'client-documents',
    placeholder: 'on|off',
    default: 'off',
    meaning:
      'Whether an https URL may be a client id: the server then fetches the document there that describes the client.',
    expected: 'on or off',
    schema: registration,
  },
  openClientScopes: {
    environment: 'PAWL_OPEN_CLIENT_SCOPES',
    flag: 'open-client-scopes',
    placeholder: 'list',
    default: 'none',
    meaning: 'Scope values, separated by commas, that clients may ask for which no administrator has registered.',
    expected: 'scope values such as notes:read, separated by commas',
    schema: listOf(readScope, 'which is not one scope value'),
  },
  openClientResources: {
    environment: 'PAWL_OPEN_CLIENT_RESOURCES',
    flag: 'open-client-resources',
    placeholder: 'list',
    default: 'PAWL_AUDIENCE',
    meaning: 'Resources, separated by commas, that such clients may ask tokens for.',
    expected: 'absolute URIs without fragment, such as https://api.example, separated by commas',
    schema: listOf(readResource, 'which is not an absolute URI without fragment'),
  },
  revocations: {
    environment: 'PAWL_REVOCATIONS',
    flag: 'revocations',
    placeholder: 'open|token',
    default: 'open',
    meaning: 'Who may read the revocation feed: anyone, or who has a token with the scope revocations:read.',
    expected: 'open or token',
    schema: oneOf(['open', 'token']),
  },
  profile: {
    environment: 'PAWL_PROFILE',
    flag: 'profile',
    placeholder: 'name',
    default: 'oauth2.1',
    meaning: 'oidc signs with RS256 and passes over acr_values that it cannot reach, as OpenID Connect demands.',
    expected: 'oauth2.1 or oidc',
    schema: oneOf(['oauth2.1', 'oidc']),
  },
  pageName: {
    environment: 'PAWL_PAGE_NAME',
    flag: 'page-name',
    placeholder: 'text',
    default: 'Pawl',
    meaning: 'What the pages for signing in and consent call this server.',
    expected: 'a name of 1 to 64 characters',
    schema: z
      .string('is not text')
      .trim()
      .regex(/^[^\p{Cc}]{1,64}$/u, 'is not a name of 1 to 64 characters'),
  },
  pageLogo: {
    environment: 'PAWL_PAGE_LOGO',
    flag: 'page-logo',
    placeholder: 'data uri',
    default: 'none',
    meaning: 'Logo of those pages as a data: URI, for they load nothing from elsewhere.',
    expected: 'a URI such as data:image/svg+xml;base64,… of at most 64 KiB',
    schema: z
      .string('is not text')
      .max(65_536, 'is longer than 64 KiB')
      .regex(
        /^data:image\/(?:png|jpeg|webp|gif|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}$/,
        'is no data: URI of an image in base64',
      ),
  },
  pageColour: {
    environment: 'PAWL_PAGE_COLOUR',
    flag: 'page-colour',
    placeholder: 'colour',
    default: "Pawl's own",
    meaning: 'Colour of the button that goes on, on those pages.',
    expected: 'six hexadecimal digits such as #0a5c68',
    schema: z.string('is not text').regex(/^#[0-9a-fA-F]{6}$/, 'is not a colour of six hexadecimal digits'),
  },
  signingAlgorithm: {
    environment: 'PAWL_SIGNING_ALGORITHM',
    flag: 'signing-algorithm',
    placeholder: 'name',
    default: 'ES256',
    meaning: 'Signature algorithm of newly made keys for access tokens.',
    expected: 'ES256, Ed25519 or RS256',
    schema: oneOf(signatureAlgorithms),
  },
}

/** The names of all settings, in the order of the table. */
export const settingNames: readonly SettingName[] = Object.keys(settingsTable).filter(
  (name): name is SettingName => name in settingsTable,
)
