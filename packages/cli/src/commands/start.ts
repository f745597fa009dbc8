import { createLogger, createPawl, listen, readConfiguration, settingNames, settingsTable } from '@pawl/server'
import { Command, Option } from 'commander'
import type { CommandBuilder } from '../administer.ts'
import { greetDemoUser } from '../demo-user.ts'
import { jsonOption, type OutputOptions, onOneLine } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** Of the 10 seconds that a stop may take, most go to requests under way and the rest to letting go of the store. */
const drainMilliseconds = 9_000
const closeMilliseconds = 1_000

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
  return command.addOption(jsonOption()).action(async (options: OutputOptions & Readonly<Record<string, unknown>>) => {
    await serve(terminal, options)
    exitWith(0)
  })
}

async function serve(terminal: Terminal, options: OutputOptions & Readonly<Record<string, unknown>>): Promise<void> {
  const stop = new Promise<void>((resolve) => {
    // The handlers stay: signals that arrive while the server drains change nothing.
    terminal.onStopSignal(resolve)
  })
  const logger = createLogger()
  const pawl = createPawl({ ...readConfiguration({ environment: terminal.environment, flags: options }), logger })
  const told = warn(pawl.warnings, terminal)
  try {
    await pawl.ready()
    warn(pawl.warnings.slice(told), terminal)
    for (const line of await greetDemoUser(pawl)) terminal.complain(line)
    const { host, port, issuer } = pawl.settings
    const listener = await listen({ fetch: pawl.fetch, host, port, logger })
    logger.info({ host, port: listener.port }, 'listening')
    terminal.print(options.json ? JSON.stringify({ issuer, host, port: listener.port }) : `listening on ${issuer}`)
    await stop
    logger.info('draining')
    pawl.drain()
    await listener.close({ drainMilliseconds })
  } finally {
    await Promise.race([pawl.close(), new Promise((resolve) => setTimeout(resolve, closeMilliseconds).unref())])
  }
}

function warn(warnings: readonly string[], terminal: Terminal): number {
  for (const warning of warnings) terminal.complain(`warning: ${onOneLine(warning)}`)
  return warnings.length
}
