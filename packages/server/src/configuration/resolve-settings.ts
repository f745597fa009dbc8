import { cookieNames } from '@pawl/protocol'
import type { z } from 'zod'
import { testSecretId } from '../secrets/test-secret.ts'
import { cookieProblems, planCookies } from './cookie-plan.ts'
import { isLoopback, isSameSite, readIssuer } from './issuer.ts'
import { resolveLifetimes } from './lifetimes.ts'
import { nearestName } from './nearest-name.ts'
import type {
  CodeOnlyField,
  ConfigurationProblem,
  IssuerParts,
  PawlConfiguration,
  SettingName,
  Settings,
  SettingValues,
} from './settings.ts'
import { settingNames, settingsTable } from './settings-table.ts'

/** Outcome of {@link resolveSettings}. */
export type SettingsOutcome =
  | {
      readonly ok: true
      readonly settings: Settings
      /** Where PostgreSQL is, passwords included; kept apart from the settings, which may be shown. */
      readonly database: DatabaseUrls | undefined
      readonly warnings: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly ConfigurationProblem[] }

/** What an engine on PostgreSQL is made with. */
interface DatabaseUrls {
  readonly url: string
  readonly directUrl?: string
}

const codeOnlyFields: Readonly<Record<CodeOnlyField, true>> = {
  storage: true,
  postgres: true,
  authenticate: true,
  claims: true,
  fetchDocument: true,
  logger: true,
  random: true,
  clock: true,
  monotonic: true,
  repeat: true,
  siblings: true,
  gathered: true,
}

/** What one pass over the configuration gathers. */
interface Findings {
  readonly values: Partial<SettingValues>
  readonly problems: ConfigurationProblem[]
  readonly warnings: string[]
  /** A setting's name as the one who configured the server spells it. */
  readonly spelling: (name: SettingName) => string
}

/**
 * Completes and checks a configuration: every field by itself, then all of them together. Pure: reads no file, no
 * environment and no clock, and returns all problems at once, each with the setting, the reason and the fix.
 *
 * @returns the settings with warnings, or every reason why the server must not start
 */
export function resolveSettings(configuration: PawlConfiguration): SettingsOutcome {
  const { gathered } = configuration
  const findings: Findings = {
    values: {},
    problems: [],
    warnings: [...(gathered?.warnings ?? [])],
    spelling: (name) => {
      if (configuration[name] !== undefined || gathered === undefined) return name
      return gathered.texts[name]?.spelling ?? settingsTable[name].environment
    },
  }
  refuseUnknownFields(configuration, findings)
  for (const name of settingNames) readSetting(name, configuration, findings)

  const { values, problems, warnings } = findings
  const mode = values.mode ?? 'development'
  const port = values.port ?? 8080
  const issuer = values.issuer ?? defaultIssuer(port, configuration, findings)
  const lifetimes = resolveLifetimes(findings)
  checkIssuer(issuer, mode, findings)
  warnOfOpenHost(issuer, findings)
  const secrets = checkSecrets(configuration, mode, findings)
  const issuerUnread = values.issuer === undefined && givenValue('issuer', configuration) !== undefined
  const trustedOrigins = issuerUnread ? [] : resolveOrigins(issuer, mode, findings)
  checkProxies(mode, findings)
  checkDatabase(configuration, findings)
  checkProfile(findings)
  const cookies = planCookies(issuer)
  for (const cookie of cookies) {
    for (const reason of cookieProblems(cookie, issuer.origin)) {
      problems.push({
        setting: findings.spelling('issuer'),
        reason: `makes cookies that browsers drop: ${reason}`,
        fix: 'set another issuer',
      })
    }
  }
  if (problems.length > 0) return { ok: false, problems }

  const settings: Settings = {
    mode,
    host: values.host ?? '127.0.0.1',
    port,
    issuer: issuer.issuer,
    issuerOrigin: issuer.origin,
    basePath: issuer.basePath,
    secure: issuer.secure,
    data: values.data ?? './data',
    database: values.databaseUrl?.label,
    secrets,
    ...lifetimes,
    trustedOrigins,
    trustedProxies: values.trustedProxies ?? [],
    registration: values.registration ?? false,
    ...resolveResources(values, issuer),
    revocations: values.revocations ?? 'open',
    ...profileOf(values),
    pageName: values.pageName ?? 'Pawl',
    pageLogo: values.pageLogo,
    pageColour: values.pageColour,
    cookieNames: cookieNames(issuer.secure),
    cookies,
  }
  const { databaseUrl, databaseDirectUrl } = values
  const database = databaseUrl && {
    url: databaseUrl.url,
    ...(databaseDirectUrl !== undefined && { directUrl: databaseDirectUrl.url }),
  }
  return { ok: true, settings, database, warnings }
}

function profileOf({ profile = 'oauth2.1', signingAlgorithm }: Partial<SettingValues>) {
  return { profile, signingAlgorithm: signingAlgorithm ?? (profile === 'oidc' ? 'RS256' : 'ES256') } as const
}

function checkProfile({ values, problems, spelling }: Findings): void {
  const { profile, signingAlgorithm = 'RS256' } = values
  if (profile !== 'oidc' || signingAlgorithm === 'RS256') return
  problems.push({
    setting: spelling('signingAlgorithm'),
    reason: `is ${signingAlgorithm}, and ${spelling('profile')} oidc promises every client RS256`,
    fix: `leave ${spelling('signingAlgorithm')} out, or set ${spelling('profile')} to oauth2.1`,
  })
}

function refuseUnknownFields(configuration: PawlConfiguration, { problems }: Findings): void {
  for (const field of Object.keys(configuration)) {
    if (field in settingsTable || field in codeOnlyFields) continue
    const nearest = nearestName(field, [...settingNames, ...Object.keys(codeOnlyFields)])
    problems.push({ setting: field, reason: 'is no setting', fix: `remove it, or use ${nearest} if that was meant` })
  }
}

function readSetting<Name extends SettingName>(name: Name, configuration: PawlConfiguration, findings: Findings): void {
  const given = givenValue(name, configuration)
  if (given === undefined) return
  const row = settingsTable[name]
  const outcome = row.schema.safeParse(given)
  if (outcome.success) {
    findings.values[name] = outcome.data
    return
  }
  for (const reason of reasonsOf(outcome.error)) {
    findings.problems.push({ setting: findings.spelling(name), reason, fix: `set it to ${row.expected}` })
  }
}

function givenValue(name: SettingName, configuration: PawlConfiguration): unknown {
  return configuration[name] ?? configuration.gathered?.texts[name]?.text
}

function reasonsOf(error: z.ZodError): ReadonlySet<string> {
  return new Set(error.issues.map((issue) => issue.message))
}

function defaultIssuer(port: number, configuration: PawlConfiguration, { problems, spelling }: Findings): IssuerParts {
  if (port === 0 && givenValue('issuer', configuration) === undefined) {
    problems.push({
      setting: spelling('issuer'),
      reason: `is not set, and ${spelling('port')} 0 leaves the port open`,
      fix: `set ${spelling('issuer')}, or a fixed ${spelling('port')}`,
    })
  }
  const reading = readIssuer(`http://localhost:${port}`)
  if (!reading.ok) throw new Error(`the default issuer ${reading.reason}`)
  return reading.parts
}

function checkIssuer(issuer: IssuerParts, mode: Settings['mode'], { problems, warnings, spelling }: Findings): void {
  if (issuer.secure || isLoopback(issuer.hostname)) return
  if (mode === 'production') {
    problems.push({
      setting: spelling('issuer'),
      reason: `is ${issuer.issuer}: over plain http everyone on the way reads the tokens`,
      fix: 'serve it over https, by a proxy for example, and set the https URL',
    })
  } else {
    warnings.push(
      `${spelling('issuer')} is ${issuer.issuer}: over plain http everyone on this network reads passwords and tokens. ` +
        'Good for trying things out; production refuses it.',
    )
  }
}

/** Everyone on the network may come, yet only this machine can be told where to: easily overlooked, so it is said. */
function warnOfOpenHost(issuer: IssuerParts, { values, warnings, spelling }: Findings): void {
  const host = values.host ?? '127.0.0.1'
  const listensBeyond = host !== '::1' && !isLoopback(host)
  if (!listensBeyond || !isLoopback(issuer.hostname)) return
  warnings.push(
    `${spelling('host')} is ${host}, but ${spelling('issuer')} is ${issuer.issuer}, which only this machine can visit. ` +
      `Set ${spelling('issuer')} to the URL that people use, unless they come through a port forwarded to localhost.`,
  )
}

function checkSecrets(
  configuration: PawlConfiguration,
  mode: Settings['mode'],
  findings: Findings,
): Settings['secrets'] {
  const { values, problems, warnings, spelling } = findings
  const setting = spelling('secrets')
  if (values.secrets === undefined) {
    if (mode === 'production' && givenValue('secrets', configuration) === undefined) {
      problems.push({
        setting,
        reason: 'is not set; production does not invent secrets',
        fix: `set it to ${settingsTable.secrets.expected}`,
      })
    }
    return 'generate'
  }
  for (const position of values.secrets.weakPositions) {
    const reason = `holds a weak secret at place ${position}: its bytes are too alike to be random`
    if (mode === 'production')
      problems.push({ setting, reason, fix: `replace it by ${settingsTable.secrets.expected}` })
    else warnings.push(`${setting} ${reason}. Production refuses it.`)
  }
  // Also among the older ones: tokens and keys that were made with it still count while it is listed.
  const place = values.secrets.secrets.findIndex(({ id }) => id === testSecretId) + 1
  if (place > 0) {
    const reason = `holds the published secret of @pawl/test-kit (${testSecretId}) at place ${place}: everybody knows it`
    if (mode === 'production') {
      const fix = `remove it, and replace it by ${settingsTable.secrets.expected}`
      problems.push({ setting, reason, fix })
    } else warnings.push(`${setting} ${reason}. Production refuses it.`)
  }
  return values.secrets.secrets
}

const twoWays =
  'serve the application and this server under one site (a same-site proxy), ' +
  'or leave the origin out and send tokens in body and Authorization header (delivery "body")'

function resolveOrigins(issuer: IssuerParts, mode: Settings['mode'], findings: Findings): readonly string[] {
  const { problems, warnings, spelling } = findings
  const given = findings.values.trustedOrigins ?? []
  const setting = spelling('trustedOrigins')
  for (const origin of given.filter((candidate) => !isSameSite(candidate, issuer.origin))) {
    const reason = `holds ${origin}, another site than the issuer ${issuer.origin}: browsers keep cookies from travelling between them`
    if (mode === 'production') problems.push({ setting, reason, fix: twoWays })
    else warnings.push(`${setting} ${reason}. There are two supported ways: ${twoWays}. Production refuses it.`)
  }
  return [...new Set([issuer.origin, ...given, ...(mode === 'development' ? loopbackSpellings(issuer) : [])])]
}

/**
 * On a developer's machine localhost, 127.0.0.1 and [::1] are the same place. A browser that sends no Sec-Fetch-Site to
 * plain http is told by its Origin alone, so all three spellings count as the issuer's own there.
 */
function loopbackSpellings(issuer: IssuerParts): readonly string[] {
  if (issuer.secure || !isLoopback(issuer.hostname)) return []
  const port = new URL(issuer.origin).port
  return ['localhost', '127.0.0.1', '[::1]'].map((name) => `http://${name}${port === '' ? '' : `:${port}`}`)
}

function checkProxies(mode: Settings['mode'], { values, problems, warnings, spelling }: Findings): void {
  for (const range of values.trustedProxies ?? []) {
    if (!range.endsWith('/0')) continue
    const setting = spelling('trustedProxies')
    const reason = `holds ${range}, so every client can claim any address`
    if (mode === 'production')
      problems.push({ setting, reason, fix: `list your proxies only: ${settingsTable.trustedProxies.expected}` })
    else warnings.push(`${setting} ${reason}. Production refuses it.`)
  }
}

/** Whoever names a database believes that the sessions live there; to keep them anywhere else would be to lose them. */
/** What tokens are for, and what clients may ask for that no administrator has registered. */
function resolveResources(
  values: Partial<SettingValues>,
  { issuer }: IssuerParts,
): Pick<Settings, 'audience' | 'clientRegistration' | 'clientDocuments' | 'openClients'> {
  const { audience = issuer, clientRegistration = false, clientDocuments = false } = values
  const { openClientScopes: scopes = [], openClientResources: resources = [audience] } = values
  return { audience, clientRegistration, clientDocuments, openClients: { scopes, resources } }
}

function checkDatabase(configuration: PawlConfiguration, { values, problems, spelling }: Findings): void {
  for (const name of ['databaseUrl', 'databaseDirectUrl'] as const) {
    const setting = spelling(name)
    if (values[name]?.hasPassword && setting.startsWith('--')) {
      const reason = 'holds a password, and every process of this machine can read the command line'
      problems.push({ setting, reason, fix: `set ${settingsTable[name].environment} instead, or PGPASSWORD` })
    }
  }
  if (values.databaseUrl === undefined) {
    if (values.databaseDirectUrl === undefined || givenValue('databaseUrl', configuration) !== undefined) return
    const reason = `is set, but ${spelling('databaseUrl')} is not`
    problems.push({ setting: spelling('databaseDirectUrl'), reason, fix: `set ${spelling('databaseUrl')}, too` })
    return
  }
  const setting = spelling('databaseUrl')
  if (configuration.storage !== undefined)
    problems.push({ setting, reason: 'is set beside the field storage', fix: 'leave out one of the two' })
  else if (configuration.postgres === undefined) {
    const reason = 'is set, but this application has no engine for PostgreSQL'
    problems.push({
      setting,
      reason,
      fix: 'install @pawl/storage-postgres and give postgresStorage as the field postgres',
    })
  }
}
