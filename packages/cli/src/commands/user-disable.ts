import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { jsonOption, type OutputOptions } from '../output.ts'

/** `pawl user disable NAME` */
export const userDisable: CommandBuilder = (surroundings) =>
  new Command('disable')
    .description('keep a user from signing in and end all sessions of the user at once')
    .argument('<name>', 'username')
    .addOption(jsonOption())
    .action(async (username: string, options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        switch (await administration.disableUser(username)) {
          case 'disabled':
            return {
              ok: true,
              text: [`disabled user ${username} and ended all sessions`],
              json: { username, disabled: true },
            }
          case 'already_disabled':
            return { ok: false, message: `user ${username} is disabled already; nothing is left to do` }
          case 'unknown_user':
            return { ok: false, message: `there is no user ${username}; see: pawl user list` }
        }
      })
    })
