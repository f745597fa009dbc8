import { ConfigurationError, checkFiles, describeProblem, type Pawl } from '@pawl/server'
import { Command } from 'commander'
import type { CommandBuilder } from '../administer.ts'
import { describeFailure } from '../failure.ts'
import { openInstallation } from '../installation.ts'
import { instant, jsonOption, type OutputOptions, onOneLine } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** One thing that was looked at. */
interface Finding {
  readonly check: 'settings' | 'secrets' | 'files' | 'store' | 'clock' | 'keys'
  readonly status: 'ok' | 'warning' | 'problem'
  /** What was found, and what to do about it. */
  readonly message: string
}

type LostWrites = NonNullable<Awaited<ReturnType<Pawl['administration']['checkStorage']>>['lostWrites']>

const marks: Readonly<Record<Finding['status'], string>> = { ok: 'ok      ', warning: 'warning ', problem: 'PROBLEM ' }
const clockTolerance = 60_000
/** Any clock before this release was written is wrong. */
const earliestPlausible = Date.UTC(2025, 0, 1)

/** `pawl doctor` */
export const doctor: CommandBuilder = ({ terminal, exitWith }) =>
  new Command('doctor')
    .description('check settings, secrets, files, store, clock and keys, and say what to do')
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      const findings = await examine(terminal)
      const healthy = findings.every((finding) => finding.status !== 'problem')
      if (options.json) terminal.print(JSON.stringify({ healthy, findings }))
      else
        for (const { check, status, message } of findings)
          terminal.print(`${marks[status]}${check.padEnd(9)} ${onOneLine(message)}`)
      if (!healthy) terminal.complain('pawl: something is wrong; the lines marked PROBLEM say what to do')
      exitWith(healthy ? 0 : 1)
    })

async function examine(terminal: Terminal): Promise<readonly Finding[]> {
  let pawl: Pawl
  try {
    pawl = openInstallation(terminal)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.problems.map((problem) => ({
      check: 'settings',
      status: 'problem',
      message: describeProblem(problem),
    }))
  }
  try {
    const files = await examineFiles(pawl)
    return [...examineSettings(pawl), ...files.findings, ...(files.usable ? await examineStore(pawl) : [])]
  } finally {
    await pawl.close()
  }
}

function examineSettings({ settings, warnings }: Pawl): readonly Finding[] {
  const { mode, issuer, secrets } = settings
  const found =
    secrets === 'generate'
      ? 'generated into the data directory (development)'
      : `${secrets.length} given, ids newest first: ${secrets.map((secret) => secret.id).join(', ')}`
  return [
    { check: 'settings', status: 'ok', message: `${mode}, issuer ${issuer}` },
    ...warnings.map((message): Finding => ({ check: 'settings', status: 'warning', message })),
    { check: 'secrets', status: 'ok', message: found },
  ]
}

async function examineFiles({
  settings,
}: Pawl): Promise<{ readonly usable: boolean; readonly findings: readonly Finding[] }> {
  const { data, hasDatabase, problems, warnings } = await checkFiles(settings)
  const findings: Finding[] = [
    ...problems.map((message): Finding => ({ check: 'files', status: 'problem', message })),
    ...warnings.map((message): Finding => ({ check: 'files', status: 'warning', message })),
  ]
  if (findings.length === 0 && data !== undefined) findings.push({ check: 'files', status: 'ok', message: data })
  if (problems.length === 0 && !hasDatabase) {
    findings.push({ check: 'store', status: 'ok', message: `no database yet; the first start makes it in ${data}` })
  }
  return { usable: problems.length === 0 && hasDatabase, findings }
}

async function examineStore(pawl: Pawl): Promise<readonly Finding[]> {
  try {
    const { engine, now, problems, facts, warnings, lostWrites } = await pawl.administration.checkStorage()
    if (problems.length > 0) {
      return problems.map((problem) => ({
        check: 'store',
        status: 'problem',
        message: `${engine}: ${problem}. Stop the server and restore the database from a backup.`,
      }))
    }
    const store = [`${engine}, integrity checked`, ...facts].map(
      (message): Finding => ({ check: 'store', status: 'ok', message }),
    )
    const better = warnings.map((message): Finding => ({ check: 'store', status: 'warning', message }))
    const lost = lostWrites === undefined ? [] : examineLostWrites(lostWrites)
    return [...store, ...better, ...lost, await examineClock(pawl, now), ...(await examineKeys(pawl))]
  } catch (error) {
    return describeFailure(error, '').map((message) => ({ check: 'store', status: 'problem', message }))
  }
}

/** A session that rolled forward is the one sign that a copy of the store leaves of having been put back. */
function examineLostWrites({ sessions, noticedAt, intactUntil }: LostWrites): readonly Finding[] {
  if (sessions === 0 || noticedAt === null || intactUntil === null) return []
  const message =
    `${sessions} sessions showed refresh tokens newer than the store knows, the last at ${instant(noticedAt)}: ` +
    'the store has lost writes, as when a backup is put back, and what ended since the backup may live again. ' +
    `Run: pawl restore --lost-since ${instant(intactUntil)} --journal LOG, with --keep-sessions or --end-sessions`
  return [{ check: 'store', status: 'problem', message }]
}

async function examineClock({ administration }: Pawl, now: number): Promise<Finding> {
  const listed = await administration.listSessions({ limit: 1 })
  const newest = listed.outcome === 'listed' ? (listed.sessions[0]?.lastUsedAt ?? 0) : 0
  const message = `the store's clock says ${instant(now)}`
  if (now < earliestPlausible) {
    return {
      check: 'clock',
      status: 'problem',
      message: `${message}, long ago. Set the clock of this machine, best by NTP.`,
    }
  }
  if (newest > now + clockTolerance) {
    const fix = 'The clock was set back: sessions end late until it catches up. Set it right, best by NTP.'
    return {
      check: 'clock',
      status: 'problem',
      message: `${message}, but a session was used at ${instant(newest)}. ${fix}`,
    }
  }
  return { check: 'clock', status: 'ok', message }
}

async function examineKeys({ administration }: Pawl): Promise<readonly Finding[]> {
  const { signingKeys, refreshKeys } = await administration.listKeys()
  const findings: Finding[] = []
  for (const key of signingKeys.filter(({ opened }) => !opened)) {
    findings.push({
      check: 'keys',
      status: 'problem',
      message:
        `signing key ${key.kid} cannot be opened with the secrets here. Add the secret ${key.secretId} to PAWL_SECRETS after the newer ones, ` +
        `or give the key up with: pawl key kill ${key.kid}`,
    })
  }
  for (const key of refreshKeys.filter(({ held, liveSessions }) => !held && liveSessions > 0)) {
    findings.push({
      check: 'keys',
      status: 'problem',
      message: `${key.liveSessions} live sessions need the secret ${key.id}, which is not here. Add it to PAWL_SECRETS after the newer ones.`,
    })
  }
  if (findings.length > 0) return findings
  const active = signingKeys.find(({ state }) => state === 'active')
  const message =
    active === undefined ? 'none yet; the first start makes them' : `${active.algorithm} key ${active.kid} signs`
  return [{ check: 'keys', status: 'ok', message }]
}
