import type { Administration } from '@pawl/server'
import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, jsonOption, type Outcome, type OutputOptions } from '../output.ts'

interface Options extends OutputOptions {
  readonly force?: true
}

type BackupResult = Awaited<ReturnType<Administration['backUp']>>

/** `pawl backup FILE [--force]` */
export const backup: CommandBuilder = (surroundings) =>
  new Command('backup')
    .description('copy the SQLite store into a file, as of one instant, while servers run; the secrets are not in it')
    .argument('<file>', 'the file to make; only its owner can read it')
    .option('--force', 'replace a file that is there')
    .addOption(jsonOption())
    .action(async (file: string, options: Options) => {
      await administer(surroundings, options, async (administration) => {
        const result = await administration.backUp({ file, replace: options.force === true })
        return tell(file, result)
      })
    })

function tell(file: string, result: BackupResult): Outcome {
  switch (result.outcome) {
    case 'written': {
      const since = instant(result.holdsUntil)
      return {
        ok: true,
        text: [
          `wrote ${file}, ${result.bytes} bytes: it holds everything that happened before ${since}`,
          `when it is put back: pawl restore --lost-since ${since} --journal LOG, with --keep-sessions or --end-sessions`,
          'the secrets are not in it; without them nobody can go on with it. Keep PAWL_SECRETS, or PAWL_DATA/secrets, elsewhere',
        ],
        json: { file, bytes: result.bytes, lost_since: since },
      }
    }
    case 'no_store':
      return {
        ok: false,
        message: `there is no ${result.store} to copy. Set PAWL_DATA to the directory that the server uses`,
      }
    case 'exists':
      return { ok: false, message: `${file} is there already. Give another name, or --force to replace it` }
    case 'is_the_store':
      return { ok: false, message: `${file} is the store itself, or belongs to it. Give another name` }
    case 'no_file':
      return { ok: false, message: `${file || '""'} is no file and cannot become one. Give the name of a file` }
    case 'unwritable':
      return {
        ok: false,
        message: `${file} cannot be written: ${result.cause}. Nothing was left behind; give a file in a folder that is there and has room`,
      }
    case 'damaged':
      return {
        ok: false,
        message: `the copy is damaged and was thrown away: ${result.findings.join('; ')}. Keep the backups that you have, and run: pawl doctor`,
      }
    case 'not_here':
      return {
        ok: false,
        message: `the data is in ${result.engine}, which has tools of its own for this: pg_dump for a copy, a base backup with an archive of the WAL for any instant; see docs/backup-and-restore.md`,
      }
  }
}
