import type { Administration } from '@pawl/server'
import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, jsonOption, type OutputOptions } from '../output.ts'

type Report = Awaited<ReturnType<Administration['resealKeys']>>

/** `pawl key reseal` */
export const keyReseal: CommandBuilder = (surroundings) =>
  new Command('reseal')
    .description('seal every signing key under the newest secret, and say what still needs the older ones')
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      await administer(surroundings, options, async (administration) => {
        const report = await administration.resealKeys()
        const { newestSecretId, newestInUse, resealed, olderSecrets, now } = report
        return {
          ok: true,
          text: [
            `sealed ${resealed.length} signing keys under the newest secret, ${newestSecretId}`,
            ...(newestInUse
              ? []
              : [`no server has started with ${newestSecretId} in front yet: restart every server with it`]),
            ...olderSecrets.map((secret) => `secret ${secret.id}: ${standing(secret, now)}`),
          ],
          json: {
            newest_secret_id: newestSecretId,
            newest_in_use: newestInUse,
            resealed,
            older_secrets: olderSecrets.map((secret) => ({
              id: secret.id,
              held: secret.held,
              signing_keys: secret.signingKeys.length,
              live_sessions: secret.liveSessions,
              refresh_key_state: secret.refreshKeyState ?? null,
              removable: secret.removableFrom !== undefined && secret.removableFrom <= now,
              removable_from: secret.removableFrom === undefined ? null : instant(secret.removableFrom),
            })),
          },
        }
      })
    })

/** What is left under a secret and what to do about it; that it may go is said only when nothing is. */
function standing(secret: Report['olderSecrets'][number], now: number): string {
  const { signingKeys, liveSessions, removableFrom, refreshKeyState } = secret
  const left = `${signingKeys.length} signing keys and ${liveSessions} live sessions are left`
  if (signingKeys.length > 0) {
    const kills = signingKeys.map((kid) => `pawl key kill ${kid}`).join('; ')
    return `${left}. The keys cannot be opened here: add this secret to PAWL_SECRETS and run this again, or give them up: ${kills}`
  }
  if (liveSessions > 0) return `${left}. Keep it: sessions leave it as they refresh or end. Then run this again`
  if (removableFrom === undefined)
    return `${left}, but its refresh key is ${refreshKeyState}: new tokens may still be made with it. Run this again later`
  if (removableFrom > now) return `${left}. It may go from ${instant(removableFrom)}; run this again then`
  return `${left}: remove it from PAWL_SECRETS now`
}
