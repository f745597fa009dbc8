import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { jsonOption, type OutputOptions } from '../output.ts'

/** `pawl migrate` */
export const migrate: CommandBuilder = (surroundings) =>
  new Command('migrate')
    .description('bring the schema of the store up to date, as pawl start does; safe while servers run')
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const { engine } = await administration.migrate()
        return {
          ok: true,
          text: [`the schema of the ${engine} store is up to date`],
          json: { engine, up_to_date: true },
        }
      })
    })
