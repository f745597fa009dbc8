import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, jsonOption, type OutputOptions, table } from '../output.ts'
import { userDocument } from '../user-document.ts'

/** `pawl user list` */
export const userList: CommandBuilder = (surroundings) =>
  new Command('list')
    .description('list all users')
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const users = await administration.listUsers()
        const rows = users.map((user) => [
          user.username,
          user.id,
          user.roles.join(' '),
          instant(user.createdAt),
          user.disabledAt === null ? '' : instant(user.disabledAt),
        ])
        return {
          ok: true,
          text: table(
            ['NAME', 'ID', 'ROLES', 'CREATED', 'DISABLED'],
            rows,
            'there are no users; add one with: pawl user add NAME --password-stdin',
          ),
          json: { users: users.map(userDocument) },
        }
      })
    })
