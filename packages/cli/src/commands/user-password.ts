import { refusalReasons } from '@pawl/protocol'
import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { jsonOption, type OutputOptions, report } from '../output.ts'
import { readSecret } from '../secret-input.ts'
import { userDocument } from '../user-document.ts'

/** `pawl user password NAME --password-stdin` */
export const userPassword: CommandBuilder = (surroundings) =>
  new Command('password')
    .description('set the password of a user and end all sessions of the user')
    .argument('<name>', 'username')
    .requiredOption('--password-stdin', 'read the new password from standard input: 15 to 1,024 characters')
    .addOption(jsonOption())
    .action(async (username: string, options: OutputOptions) => {
      const password = await readSecret(surroundings.terminal, 'password')
      if (!password.ok) return surroundings.exitWith(report(password, options, surroundings.terminal))
      await administer(surroundings, options, async (administration) => {
        const set = await administration.setPassword(username, password.secret)
        switch (set.outcome) {
          case 'changed':
            return {
              ok: true,
              text: [`set the password of user ${set.user.username} and ended all sessions`],
              json: { user: userDocument(set.user) },
            }
          case 'unknown_user':
            return { ok: false, message: `there is no user ${username}; see: pawl user list` }
          case 'no_password':
            return {
              ok: false,
              message: `user ${username} signs in through the application's own user table; set the password there`,
            }
          case 'password_refused':
            return { ok: false, message: `${refusalReasons[set.reason]} Choose another password.` }
          case 'busy':
            return { ok: false, message: 'too many passwords are being hashed just now; try again' }
        }
      })
    })
