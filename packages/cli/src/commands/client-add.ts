import { readFileSync } from 'node:fs'
import { clientAuthenticationMethods, grantTypes, signatureAlgorithms } from '@pawl/protocol'
import { Command, InvalidArgumentError, Option } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { clientDocument } from '../client-document.ts'
import { collect, jsonOption, type OutputOptions, report } from '../output.ts'
import { readSecret } from '../secret-input.ts'

interface Options extends OutputOptions {
  readonly type: string
  readonly auth?: string
  readonly redirectUri: readonly string[]
  readonly grant: readonly string[]
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly secretStdin?: true
  readonly jwks?: string
  readonly jwksUri?: string
  readonly signingAlg?: string
  readonly policy?: string
  readonly exchange?: string
  readonly accessSeconds?: number
}

/** `pawl client add ID --type public|confidential …` */
export const clientAdd: CommandBuilder = (surroundings) =>
  new Command('add')
    .description('register a client')
    .argument('<id>', 'client id: 1 to 128 characters of A-Z a-z 0-9 . _ ~ -')
    .addOption(
      new Option('--type <type>', 'whether it can keep a secret')
        .choices(['public', 'confidential'])
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--auth <method>',
        'how it proves who it is; default: none for public, client_secret_basic for confidential clients',
      ).choices(clientAuthenticationMethods),
    )
    .option('--redirect-uri <uri>', 'a redirect URI; may be given several times', collect, [])
    .addOption(grantOption())
    .option('--scope <scope>', 'a scope value it may ask for; may be given several times', collect, [])
    .option(
      '--resource <uri>',
      'a resource it may ask tokens for, or, if confidential, introspect tokens of; several times',
      collect,
      [],
    )
    .option(
      '--secret-stdin',
      'read the secret from standard input; without this a confidential client gets a new one, shown once',
    )
    .option('--jwks <file>', 'with private_key_jwt: a file that holds its public keys as a JWK set')
    .option('--jwks-uri <url>', 'with private_key_jwt, instead of --jwks: where it publishes them')
    .addOption(
      new Option(
        '--signing-alg <name>',
        'with private_key_jwt: the algorithm that it signs with; default: that of the keys, ES256 with --jwks-uri',
      ).choices(signatureAlgorithms),
    )
    .addOption(
      new Option('--policy <policy>', 'how its refresh tokens behave; default: rotating').choices([
        'rotating',
        'strict',
        'shared-store',
      ]),
    )
    .addOption(
      new Option(
        '--exchange <policy>',
        'with the token exchange grant: which access tokens it may exchange for narrower ones; default: none',
      ).choices(['own', 'received']),
    )
    .option(
      '--access-seconds <seconds>',
      'lifetime of its access tokens in seconds; default: the setting of the server',
      wholeNumber,
    )
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const secret = options.secretStdin ? await readSecret(surroundings.terminal, 'secret') : undefined
      if (secret?.ok === false) return surroundings.exitWith(report(secret, options, surroundings.terminal))
      const keys = options.jwks === undefined ? undefined : readKeySet(options.jwks)
      if (keys?.ok === false) return surroundings.exitWith(report(keys, options, surroundings.terminal))
      await administer(surroundings, options, async (administration) => {
        const registered = await administration.addClient({
          id,
          type: options.type,
          redirectUris: options.redirectUri,
          grants: options.grant,
          scopes: options.scope,
          resources: options.resource,
          ...(options.auth !== undefined && { auth: options.auth }),
          ...(secret !== undefined && { secret: secret.secret }),
          ...(keys !== undefined && { jwks: keys.keySet }),
          ...(options.jwksUri !== undefined && { jwksUri: options.jwksUri }),
          ...(options.signingAlg !== undefined && { signingAlgorithm: options.signingAlg }),
          ...(options.policy !== undefined && { policy: options.policy }),
          ...(options.exchange !== undefined && { exchange: options.exchange }),
          ...(options.accessSeconds !== undefined && { accessSeconds: options.accessSeconds }),
        })
        if (!registered.ok) return { ok: false, message: registered.message }
        const { client, generatedSecret } = registered
        const text = [`added ${client.type} client ${client.id}`]
        if (generatedSecret === undefined) return { ok: true, text, json: { client: clientDocument(client) } }
        return {
          ok: true,
          text: [...text, `client secret (shown this once, keep it safe): ${generatedSecret}`],
          json: { client: clientDocument(client), client_secret: generatedSecret },
        }
      })
    })

function readKeySet(
  file: string,
): { readonly ok: true; readonly keySet: unknown } | { readonly ok: false; readonly message: string } {
  try {
    const keySet: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return { ok: true, keySet }
  } catch {
    return { ok: false, message: `${file} cannot be read as JSON; name a file that holds a JWK set` }
  }
}

/** Choices and repetition do not go together in the parser, so this option checks its values itself. */
function grantOption(): Option {
  const known: readonly string[] = grantTypes
  return new Option('--grant <type>', `a grant type it may use (${known.join(', ')}); may be given several times`)
    .default([])
    .argParser((value: string, before: readonly string[]) => {
      if (!known.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${known.join(', ')}.`)
      return collect(value, before)
    })
}

function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of seconds.')
  return Number(text)
}
