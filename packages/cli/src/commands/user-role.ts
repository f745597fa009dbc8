import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { collect, jsonOption, type OutputOptions, report } from '../output.ts'
import { userDocument } from '../user-document.ts'

interface Options extends OutputOptions {
  readonly role: readonly string[]
  readonly none?: true
  readonly applyNow?: true
}

/** `pawl user role NAME --role R… [--apply-now]` */
export const userRole: CommandBuilder = (surroundings) =>
  new Command('role')
    .description('replace the roles of a user')
    .argument('<name>', 'username')
    .option('--role <role>', 'a role that the user has from now on; may be given several times', collect, [])
    .option('--none', 'the user has no role from now on')
    .option('--apply-now', 'refuse access tokens that say otherwise at once; nobody is signed out')
    .addOption(jsonOption())
    .action(async (username: string, options: Options) => {
      const { role: roles, none = false, applyNow = false } = options
      if (none === roles.length > 0) {
        const message = none
          ? 'a user has either roles or none; leave out --role or --none'
          : 'name every role that the user shall have with --role; for none at all: --none'
        return surroundings.exitWith(report({ ok: false, message }, options, surroundings.terminal))
      }
      await administer(surroundings, options, async (administration) => {
        const set = await administration.setRoles(username, roles, { applyNow })
        switch (set.outcome) {
          case 'changed':
            return {
              ok: true,
              text: [
                `user ${set.user.username} has ${roles.length === 0 ? 'no roles' : `the roles ${set.user.roles.join(', ')}`}`,
                applyNow
                  ? 'access tokens that say otherwise are refused from now on, and clients refresh'
                  : 'access tokens that say otherwise stay good until they expire; to refuse them: --apply-now',
              ],
              json: { user: userDocument(set.user), applied_now: applyNow },
            }
          case 'unknown_user':
            return { ok: false, message: `there is no user ${username}; see: pawl user list` }
          case 'roles_elsewhere':
            return {
              ok: false,
              message: `user ${username} signs in through the application's own user table; set the roles there`,
            }
          case 'malformed_role':
            return {
              ok: false,
              message: 'a role is 1 to 128 characters without control characters; name it otherwise',
            }
        }
      })
    })
