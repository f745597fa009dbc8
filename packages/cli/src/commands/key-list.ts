import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, instantOrNull, jsonOption, type OutputOptions, table } from '../output.ts'

/** `pawl key list` */
export const keyList: CommandBuilder = (surroundings) =>
  new Command('list')
    .description('list signing keys and refresh keys with their states')
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const { signingKeys, refreshKeys } = await administration.listKeys()
        const signingRows = signingKeys.map((key) => [
          key.kid,
          key.algorithm,
          key.state,
          instant(key.activeFrom),
          key.opened ? 'yes' : `no, secret ${key.secretId} is missing`,
        ])
        const refreshRows = refreshKeys.map((key) => [
          key.id,
          key.state,
          instant(key.activeFrom),
          String(key.liveSessions),
          key.held ? 'yes' : 'no',
        ])
        return {
          ok: true,
          text: [
            'signing keys (access tokens)',
            ...table(
              ['KEY', 'ALGORITHM', 'STATE', 'SIGNS FROM', 'OPENED HERE'],
              signingRows,
              'none yet; the first start makes one',
            ),
            '',
            'refresh keys (one for each secret)',
            ...table(
              ['KEY', 'STATE', 'USED FROM', 'LIVE SESSIONS', 'SECRET HERE'],
              refreshRows,
              'none yet; the first start makes one',
            ),
          ],
          json: {
            signing_keys: signingKeys.map((key) => ({
              kid: key.kid,
              algorithm: key.algorithm,
              state: key.state,
              created_at: instant(key.createdAt),
              active_from: instant(key.activeFrom),
              secret_id: key.secretId,
              opened: key.opened,
            })),
            refresh_keys: refreshKeys.map((key) => ({
              id: key.id,
              state: key.state,
              created_at: instant(key.createdAt),
              active_from: instant(key.activeFrom),
              retired_at: instantOrNull(key.retiredAt),
              live_sessions: key.liveSessions,
              held: key.held,
            })),
          },
        }
      })
    })
