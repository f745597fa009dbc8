import { ConfigurationError, createLogger, listen, type Pawl, settingNames, settingsTable } from '@pawl/server'
import { Command, Option } from 'commander'
import type { CommandBuilder } from '../administer.ts'
import { greetDemoUser } from '../demo-user.ts'
import { openInstallation } from '../installation.ts'
import { jsonOption, type OutputOptions, onOneLine } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { joinCounts } from '../worker-counts.ts'
import { leavePrimary, onPrimaryGone, ownNumber, readWorkerCount, superviseWorkers } from '../workers.ts'

/** Of the 10 seconds that a stop may take, most go to requests under way and the rest to letting go of the store. */
const drainMilliseconds = 9_000
const closeMilliseconds = 1_000

type Options = OutputOptions & Readonly<Record<string, unknown>>

/** `pawl start`, with a flag for every setting but the secrets */
export const start: CommandBuilder = ({ terminal, exitWith }) => {
  const command = new Command('start').description(
    'start the token server; it applies pending migrations, and stops at SIGTERM or SIGINT after at most 10 seconds',
  )
  for (const name of settingNames) {
    const { flag, placeholder, meaning, environment, default: usual } = settingsTable[name]
    if (flag !== null)
      command.addOption(new Option(`--${flag} <${placeholder}>`, `${meaning} (${environment}; default: ${usual})`))
  }
  command.option('--workers <number>', 'Processes that serve the port together. (PAWL_WORKERS; default: 1)')
  return command.addOption(jsonOption()).action(async (options: Options) => {
    exitWith(await startServer(terminal, options))
  })
}

async function startServer(terminal: Terminal, options: Options): Promise<number> {
  const stop = new Promise<void>((resolve) => {
    // The handlers stay: signals that arrive while the server drains change nothing.
    terminal.onStopSignal(resolve)
  })
  const number = ownNumber(terminal.environment)
  if (number !== undefined) return serveAsWorker(terminal, options, { number, stop })
  const workers = readWorkerCount(options['workers'], terminal.environment)
  if ('problem' in workers) throw new ConfigurationError([workers.problem])
  if (workers.count > 1) return serveByWorkers(terminal, options, { count: workers.count, stop })
  return serveAlone(terminal, options, stop)
}

async function serveAlone(terminal: Terminal, options: Options, stop: Promise<void>): Promise<number> {
  const logger = createLogger()
  const pawl = openInstallation(terminal, options, { logger })
  try {
    if (await isDoneBefore(stop, prepare(pawl, terminal)))
      await serve(pawl, { logger, stop, onListening: (port) => tell(pawl, port, options, terminal) })
  } finally {
    await close(pawl)
  }
  return 0
}

/** The primary prepares the store and says what there is to say, all of it once; the workers find everything done. */
async function serveByWorkers(
  terminal: Terminal,
  options: Options,
  { count, stop }: { readonly count: number; readonly stop: Promise<void> },
): Promise<number> {
  const logger = createLogger()
  const pawl = openInstallation(terminal, options, { logger })
  let prepared = false
  try {
    prepared = await isDoneBefore(stop, prepare(pawl, terminal))
  } finally {
    await close(pawl)
  }
  if (!prepared) return 0
  const onListening = (port: number) => {
    logger.info({ host: pawl.settings.host, port, workers: count }, 'listening')
    tell(pawl, port, options, terminal)
  }
  return superviseWorkers({ count, stop, onListening, logger })
}

async function serveAsWorker(
  terminal: Terminal,
  options: Options,
  { number, stop }: { readonly number: number; readonly stop: Promise<void> },
): Promise<number> {
  const primaryGone = new Promise<void>((resolve) => {
    onPrimaryGone(resolve)
  })
  const logger = createLogger().child({ worker: number, pid: process.pid })
  const countedByAll = joinCounts(() => pawl.counted())
  const pawl = openInstallation(terminal, options, { logger, siblings: { worker: String(number), countedByAll } })
  const stopOrGone = Promise.race([stop, primaryGone])
  try {
    if (await isDoneBefore(stopOrGone, pawl.ready()))
      await serve(pawl, { logger, stop: stopOrGone, onListening: () => undefined })
  } finally {
    await close(pawl)
    leavePrimary()
  }
  return 0
}

/** Migrates the store, makes keys and the demo user, and tells on stderr what the one who started it should know. */
async function prepare(pawl: Pawl, terminal: Terminal): Promise<void> {
  const told = warn(pawl.warnings, terminal)
  await pawl.ready()
  warn(pawl.warnings.slice(told), terminal)
  for (const line of await greetDemoUser(pawl)) terminal.complain(line)
}

/**
 * Waits for what a start has to do first, but not once it is to stop: somebody else may be changing the schema, for as long
 * as that takes. What is broken off with this process the store takes back.
 */
async function isDoneBefore(stop: Promise<void>, work: Promise<void>): Promise<boolean> {
  return Promise.race([work.then(() => true), stop.then(() => false)])
}

/** Answers requests until it is to stop, and those that are then under way. */
async function serve(
  pawl: Pawl,
  given: {
    readonly logger: ReturnType<typeof createLogger>
    readonly stop: Promise<void>
    readonly onListening: (port: number) => void
  },
): Promise<void> {
  const { logger, stop, onListening } = given
  const { host, port } = pawl.settings
  const listener = await listen({ fetch: pawl.fetch, host, port, logger })
  logger.info({ host, port: listener.port }, 'listening')
  onListening(listener.port)
  await stop
  logger.info('draining')
  pawl.drain()
  await listener.close({ drainMilliseconds })
}

function tell({ settings }: Pawl, port: number, options: Options, terminal: Terminal): void {
  const { issuer, host } = settings
  terminal.print(options.json ? JSON.stringify({ issuer, host, port }) : `listening on ${issuer}`)
}

async function close(pawl: Pawl): Promise<void> {
  await Promise.race([pawl.close(), new Promise((resolve) => setTimeout(resolve, closeMilliseconds).unref())])
}

function warn(warnings: readonly string[], terminal: Terminal): number {
  for (const warning of warnings) terminal.complain(`warning: ${onOneLine(warning)}`)
  return warnings.length
}
