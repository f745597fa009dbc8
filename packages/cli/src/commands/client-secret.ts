import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { jsonOption, type OutputOptions, report } from '../output.ts'
import { readSecret } from '../secret-input.ts'

/** `pawl client secret add|remove ID`: from one secret to the next while the client runs. */
export const clientSecret: CommandBuilder = (surroundings) =>
  new Command('secret')
    .description('change the secret of a client: add the new one, let the client take it up, remove the older one')
    .helpCommand(false)
    .addCommand(clientSecretAdd(surroundings))
    .addCommand(clientSecretRemove(surroundings))

const clientSecretAdd: CommandBuilder = (surroundings) =>
  new Command('add')
    .description('give a client a second secret; both count until one is removed')
    .argument('<id>', 'client id')
    .option('--secret-stdin', 'read the secret from standard input; without this a new one is made and shown once')
    .addOption(jsonOption())
    .action(async (id: string, options: OutputOptions & { readonly secretStdin?: true }) => {
      const secret = options.secretStdin ? await readSecret(surroundings.terminal, 'secret') : undefined
      if (secret?.ok === false) return surroundings.exitWith(report(secret, options, surroundings.terminal))
      await administer(surroundings, options, async (administration) => {
        const added = await administration.addClientSecret(id, secret?.secret)
        if (!added.ok) return { ok: false, message: added.message }
        const { generatedSecret } = added
        const text = [`client ${id} has two secrets now; remove the older one when nothing uses it any more`]
        if (generatedSecret === undefined) return { ok: true, text, json: { client_id: id, added: true } }
        return {
          ok: true,
          text: [...text, `client secret (shown this once, keep it safe): ${generatedSecret}`],
          json: { client_id: id, added: true, client_secret: generatedSecret },
        }
      })
    })

const clientSecretRemove: CommandBuilder = (surroundings) =>
  new Command('remove')
    .description('take the older one of its two secrets from a client')
    .argument('<id>', 'client id')
    .option('--newer', 'take the newer one instead, and stay with the older')
    .addOption(jsonOption())
    .action(async (id: string, options: OutputOptions & { readonly newer?: true }) => {
      const which = options.newer ? 'newer' : 'older'
      await administer(surroundings, options, async (administration) => {
        const removed = await administration.removeClientSecret(id, which)
        return removed
          ? { ok: true, text: [`removed the ${which} secret of client ${id}`], json: { client_id: id, removed: which } }
          : { ok: false, message: `there is no registered client ${id} with two secrets; see: pawl client list` }
      })
    })
