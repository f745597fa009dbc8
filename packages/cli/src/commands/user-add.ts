import { refusalReasons } from '@pawl/protocol'
import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { collect, jsonOption, type OutputOptions, report } from '../output.ts'
import { readSecret } from '../secret-input.ts'
import { userDocument } from '../user-document.ts'

interface Options extends OutputOptions {
  readonly role: readonly string[]
}

/** `pawl user add NAME --password-stdin [--role R]…` */
export const userAdd: CommandBuilder = (surroundings) =>
  new Command('add')
    .description('add a user')
    .argument('<name>', 'username; an e-mail address will do')
    .requiredOption('--password-stdin', 'read the password from standard input: 15 to 1,024 characters')
    .option('--role <role>', 'a role of the user; may be given several times', collect, [])
    .addOption(jsonOption())
    .action(async (username: string, options: Options) => {
      const password = await readSecret(surroundings.terminal, 'password')
      if (!password.ok) return surroundings.exitWith(report(password, options, surroundings.terminal))
      await administer(surroundings, options, async (administration) => {
        const added = await administration.addUser({ username, password: password.secret, roles: options.role })
        switch (added.outcome) {
          case 'added':
            return {
              ok: true,
              text: [`added user ${added.user.username} (${added.user.id})`],
              json: { user: userDocument(added.user) },
            }
          case 'username_taken':
            return { ok: false, message: `there is a user ${username} already; choose another name` }
          case 'malformed_username':
            return {
              ok: false,
              message:
                'a username is 1 to 256 characters without control characters or blanks at its ends; choose another name',
            }
          case 'malformed_role':
            return {
              ok: false,
              message: 'a role is 1 to 128 characters without control characters; name it otherwise',
            }
          case 'password_refused':
            return { ok: false, message: `${refusalReasons[added.reason]} Choose another password.` }
          case 'busy':
            return { ok: false, message: 'too many passwords are being hashed just now; try again' }
        }
      })
    })
