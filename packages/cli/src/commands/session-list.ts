import { Command, InvalidArgumentError } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, jsonOption, type OutputOptions, table } from '../output.ts'
import { sessionDocument } from '../session-document.ts'

interface Options extends OutputOptions {
  readonly user?: string
  readonly limit: number
}

/** `pawl session list [--user NAME] [--limit N]` */
export const sessionList: CommandBuilder = (surroundings) =>
  new Command('list')
    .description('list live sessions, newest use first')
    .option('--user <name>', 'sessions of this user only')
    .option('--limit <number>', 'at most so many', positiveNumber, 100)
    .addOption(jsonOption())
    .action(async (options: Options) => {
      await administer(surroundings, options, async (administration) => {
        const { user, limit } = options
        const listed = await administration.listSessions({ limit, ...(user !== undefined && { username: user }) })
        if (listed.outcome === 'unknown_user')
          return { ok: false, message: `there is no user ${user}; see: pawl user list` }
        const rows = listed.sessions.map((session) => [
          session.id,
          session.userId,
          session.clientId,
          String(session.generation),
          instant(session.lastUsedAt),
          instant(session.endsAt),
          session.endsBy,
          session.lastUsedFrom.address ?? '',
        ])
        return {
          ok: true,
          text: table(
            ['SESSION', 'USER', 'CLIENT', 'GENERATION', 'LAST USED', 'ENDS', 'BY', 'ADDRESS'],
            rows,
            'there are no live sessions',
          ),
          json: { sessions: listed.sessions.map(sessionDocument) },
        }
      })
    })

function positiveNumber(text: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.')
  return Number(text)
}
