import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, jsonOption, type OutputOptions } from '../output.ts'

/** `pawl key rotate` */
export const keyRotate: CommandBuilder = (surroundings) =>
  new Command('rotate')
    .description('publish a new signing key now; it signs once every verifier has had time to see it')
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const { kid, activeFrom, added } = await administration.rotateKey()
        const from = instant(activeFrom)
        return {
          ok: true,
          text: [
            added ? `published key ${kid}; it signs from ${from}` : `key ${kid} waits already; it signs from ${from}`,
          ],
          json: { kid, active_from: from, added },
        }
      })
    })
