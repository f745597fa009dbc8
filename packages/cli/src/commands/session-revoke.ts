import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { jsonOption, type OutputOptions } from '../output.ts'

interface Options extends OutputOptions {
  readonly user?: string
}

/** `pawl session revoke ID`, `pawl session revoke --user NAME` */
export const sessionRevoke: CommandBuilder = (surroundings) =>
  new Command('revoke')
    .description('end one session, or all sessions of a user, at once')
    .argument('[id]', 'session id')
    .option('--user <name>', 'end all sessions of this user')
    .addOption(jsonOption())
    .action(async (id: string | undefined, options: Options, command: Command) => {
      const { user } = options
      if ((id === undefined) === (user === undefined)) command.error('pawl: give either a session id or --user NAME')
      await administer(surroundings, options, async (administration) => {
        if (user !== undefined) {
          const revoked = await administration.revokeUserSessions(user)
          if (revoked.outcome === 'unknown_user')
            return { ok: false, message: `there is no user ${user}; see: pawl user list` }
          const { sessionIds } = revoked
          return {
            ok: true,
            text: [`ended ${sessionIds.length} sessions of user ${user}`],
            json: { revoked: sessionIds },
          }
        }
        const sessionId = id ?? ''
        switch (await administration.revokeSession(sessionId)) {
          case 'revoked':
            return { ok: true, text: [`ended session ${sessionId}`], json: { revoked: [sessionId] } }
          case 'already_ended':
            return { ok: false, message: `session ${sessionId} has ended already; nothing is left to do` }
          case 'unknown_session':
            return { ok: false, message: `there is no session ${sessionId}; see: pawl session list` }
        }
      })
    })
