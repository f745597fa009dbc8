import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import type { CommandBuilder, Surroundings } from './administer.ts'
import { backup } from './commands/backup.ts'
import { clientAdd } from './commands/client-add.ts'
import { clientList } from './commands/client-list.ts'
import { clientRemove } from './commands/client-remove.ts'
import { clientSecret } from './commands/client-secret.ts'
import { doctor } from './commands/doctor.ts'
import { keyKill } from './commands/key-kill.ts'
import { keyList } from './commands/key-list.ts'
import { keyReseal } from './commands/key-reseal.ts'
import { keyRotate } from './commands/key-rotate.ts'
import { migrate } from './commands/migrate.ts'
import { move } from './commands/move.ts'
import { restore } from './commands/restore.ts'
import { sessionList } from './commands/session-list.ts'
import { sessionRevoke } from './commands/session-revoke.ts'
import { start } from './commands/start.ts'
import { tokenInspect } from './commands/token-inspect.ts'
import { userAdd } from './commands/user-add.ts'
import { userDisable } from './commands/user-disable.ts'
import { userList } from './commands/user-list.ts'
import { userPassword } from './commands/user-password.ts'
import { userRole } from './commands/user-role.ts'
import { describeFailure } from './failure.ts'
import { separateIds } from './id-operands.ts'
import { onOneLine } from './output.ts'
import type { Terminal } from './terminal.ts'

const usageStatus = 2

/** Every command on one screen. */
const commandGroups: readonly {
  readonly name: string
  readonly about: string
  readonly commands: readonly CommandBuilder[]
}[] = [
  { name: 'user', about: 'people who may sign in', commands: [userAdd, userList, userDisable, userPassword, userRole] },
  {
    name: 'client',
    about: 'applications that may ask for tokens',
    commands: [clientAdd, clientList, clientSecret, clientRemove],
  },
  { name: 'session', about: 'who is signed in', commands: [sessionList, sessionRevoke] },
  {
    name: 'key',
    about: 'keys that sign access tokens and derive refresh tokens',
    commands: [keyList, keyRotate, keyReseal, keyKill],
  },
  { name: 'token', about: 'what a token is', commands: [tokenInspect] },
]

/**
 * Runs one command.
 *
 * @param words the command line without the program's name
 * @returns the exit status: 0 done, 1 refused or failed, 2 not understood
 */
export async function runPawl(words: readonly string[], terminal: Terminal): Promise<number> {
  let status = 0
  const surroundings: Surroundings = {
    terminal,
    exitWith: (reported) => {
      status = reported
    },
  }
  try {
    await createProgram(surroundings).parseAsync(separateIds(words), { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageStatus
    for (const line of describeFailure(error)) terminal.complain(`pawl: ${line}`)
    return 1
  }
}

function createProgram(surroundings: Surroundings): Command {
  const program = new Command('pawl')
    .description('Access tokens and refresh tokens: a token server and its administration.')
    .version(version(), '--version', 'print the version')
    .helpCommand(false)
  program.addCommand(start(surroundings))
  for (const { name, about, commands } of commandGroups) {
    const group = new Command(name).description(about).helpCommand(false)
    for (const build of commands) group.addCommand(build(surroundings))
    program.addCommand(group)
  }
  program.addCommand(migrate(surroundings))
  program.addCommand(doctor(surroundings))
  program.addCommand(backup(surroundings))
  program.addCommand(restore(surroundings))
  program.addCommand(move(surroundings))
  answerThroughTerminal(program, surroundings.terminal)
  return program
}

/** Added commands do not inherit how the program writes and ends, so each is told. */
function answerThroughTerminal(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.print(text.trimEnd()),
    writeErr: (text) => terminal.complain(text.trimEnd()),
    outputError: (text, write) =>
      write(`pawl: ${onOneLine(text.trim().replace(/^(error|pawl): /, ''))} (see ${pathOf(command)} --help)`),
  })
  for (const child of command.commands) answerThroughTerminal(child, terminal)
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const hasVersion = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return hasVersion ? String(manifest.version) : 'unknown'
}
