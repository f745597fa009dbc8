import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { clientDocument } from '../client-document.ts'
import { jsonOption, type OutputOptions, table } from '../output.ts'

/** `pawl client list` */
export const clientList: CommandBuilder = (surroundings) =>
  new Command('list')
    .description('list all registered clients')
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const clients = await administration.listClients()
        const rows = clients.map((client) => [
          client.id,
          client.type,
          client.authentication,
          client.grants.join(' '),
          client.scopes.join(' '),
          client.resources.join(' '),
          client.policy,
        ])
        return {
          ok: true,
          text: table(
            ['ID', 'TYPE', 'AUTH', 'GRANTS', 'SCOPES', 'RESOURCES', 'POLICY'],
            rows,
            'there are no registered clients',
          ),
          json: { clients: clients.map(clientDocument) },
        }
      })
    })
