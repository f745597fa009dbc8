import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { jsonOption, type OutputOptions } from '../output.ts'

/** `pawl client remove ID` */
export const clientRemove: CommandBuilder = (surroundings) =>
  new Command('remove')
    .description('remove a client and end its sessions at once')
    .argument('<id>', 'client id')
    .addOption(jsonOption())
    .action(async (id: string, options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const removed = await administration.removeClient(id)
        return removed
          ? { ok: true, text: [`removed client ${id} and ended its sessions`], json: { client_id: id, removed: true } }
          : { ok: false, message: `there is no registered client ${id}; see: pawl client list` }
      })
    })
