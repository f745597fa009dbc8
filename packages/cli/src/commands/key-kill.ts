import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { jsonOption, type OutputOptions } from '../output.ts'

/** `pawl key kill KID` */
export const keyKill: CommandBuilder = (surroundings) =>
  new Command('kill')
    .description('take a signing key out at once: its access tokens are refused from now on, refresh tokens still work')
    .argument('<kid>', 'key id as pawl key list shows it')
    .addOption(jsonOption())
    .action(async (kid: string, options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const killed = await administration.killKey(kid)
        if (killed.outcome === 'unknown_key')
          return { ok: false, message: `there is no signing key ${kid}; see: pawl key list` }
        const { replacement } = killed
        return {
          ok: true,
          text: [`killed key ${kid}`, ...(replacement === undefined ? [] : [`key ${replacement} signs from now on`])],
          json: { kid, killed: true, replacement: replacement ?? null },
        }
      })
    })
