import { type FileHandle, open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Administration } from '@pawl/server'
import { Command, InvalidArgumentError, Option } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, instantOrNull, jsonOption, type Outcome, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends OutputOptions {
  /** Milliseconds. */
  readonly lostSince: number
  readonly journal?: string
  readonly keepSessions?: true
  readonly endSessions?: true
}

type Restored = Extract<Awaited<ReturnType<Administration['restore']>>, { readonly outcome: 'restored' }>

/** `pawl restore --lost-since TIME [--journal FILE] (--keep-sessions | --end-sessions)` */
export const restore: CommandBuilder = (surroundings) =>
  new Command('restore')
    .description('after a backup was put back: do again what ended since, then keep the other sessions or end them all')
    .addOption(
      new Option('--lost-since <time>', 'instant of the backup, or somewhat before, as in 2026-01-31T12:00:00Z')
        .argParser(readInstant)
        .makeOptionMandatory(),
    )
    .option('--journal <file>', 'log of the server with its security events; - reads standard input')
    .addOption(
      new Option('--keep-sessions', 'keep the sessions that the journal does not end').conflicts('endSessions'),
    )
    .addOption(new Option('--end-sessions', 'end every session: everyone signs in again'))
    .addOption(jsonOption())
    .action(async (options: Options, command: Command) => {
      const { lostSince, journal, keepSessions, endSessions } = options
      if (keepSessions === undefined && endSessions === undefined)
        command.error('pawl: choose what becomes of the other sessions: --keep-sessions or --end-sessions')
      const otherSessions = endSessions ? 'end' : 'keep'
      await administer(surroundings, options, async (administration) => {
        const lines = await openJournal(journal, surroundings.terminal)
        if (lines !== undefined && 'message' in lines) return { ok: false, message: lines.message }
        try {
          const given = lines === undefined ? {} : { journal: lines.lines }
          const restored = await administration.restore({ lostSince, otherSessions, ...given })
          if (restored.outcome === 'in_the_future') {
            const message = `--lost-since lies in the future: the store's clock says ${instant(restored.now)}`
            return { ok: false, message: `${message}. Give the instant of the backup` }
          }
          return tell(restored, otherSessions)
        } finally {
          await lines?.file?.close()
        }
      })
    })

function readInstant(text: string): number {
  const instantWithOffset = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/
  // A day that its month does not have is taken for one of the next month, and what ended until then would be left out.
  const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`)
  const isDay = !Number.isNaN(day) && new Date(day).toISOString().startsWith(text.slice(0, 10))
  if (!instantWithOffset.test(text) || Number.isNaN(Date.parse(text)) || !isDay)
    throw new InvalidArgumentError('It must be an instant of RFC 3339 with its offset, as in 2026-01-31T12:00:00Z.')
  return Date.parse(text)
}

async function openJournal(
  path: string | undefined,
  terminal: Terminal,
): Promise<
  { readonly lines: AsyncIterable<string>; readonly file?: FileHandle } | { readonly message: string } | undefined
> {
  if (path === undefined) return undefined
  if (path === '-') return { lines: whenAsked(() => createInterface({ input: terminal.stdin })) }
  try {
    const file = await open(path)
    if ((await file.stat()).isDirectory()) {
      await file.close()
      return { message: `${path} is a directory. Nothing was changed; give --journal the file with the log` }
    }
    return { lines: whenAsked(() => file.readLines({ autoClose: false })), file }
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    return { message: `the journal cannot be read: ${cause}. Nothing was changed; give --journal a file that is there` }
  }
}

/** A reader of lines begins when it is made: what it read while the store was still being asked would be lost. */
async function* whenAsked(read: () => AsyncIterable<string>): AsyncIterable<string> {
  yield* read()
}

function tell(restored: Restored, otherSessions: 'keep' | 'end'): Outcome {
  const { journal, reapplied, standing, passwordsUndone, rolesUndone, usersGone, clientsGone } = restored
  return {
    ok: true,
    text: [
      ...tellJournal(restored),
      ...passwordsUndone.map(
        (name) => `the password of ${name} was changed since: set it anew: pawl user password ${name}`,
      ),
      ...rolesUndone.map((name) => `the roles of ${name} were changed since: set them anew: pawl user role ${name}`),
      ...usersGone.map((id) => `user ${id} was added since and is gone: add the user again`),
      ...clientsGone.map((id) => `client ${id} was added since and is gone: add it again`),
      otherSessions === 'end'
        ? `ended ${restored.otherSessions} other sessions: everyone signs in again`
        : `kept ${restored.otherSessions} other sessions. Whoever signed out since, without the journal telling of it, is signed in again; to end all sessions instead: --end-sessions`,
    ],
    json: {
      journal:
        journal === undefined
          ? null
          : {
              events: journal.events,
              unreadable_lines: journal.unreadableLines,
              from: instantOrNull(journal.from),
              to: instantOrNull(journal.to),
            },
      reapplied: {
        sessions_ended: reapplied.sessions,
        users_disabled: reapplied.users,
        clients_removed: reapplied.clients,
        keys_killed: reapplied.keys,
      },
      standing,
      passwords_undone: passwordsUndone,
      roles_undone: rolesUndone,
      users_gone: usersGone,
      clients_gone: clientsGone,
      other_sessions: { choice: otherSessions, count: restored.otherSessions },
    },
  }
}

function tellJournal({ journal, reapplied, standing }: Restored): readonly string[] {
  if (journal === undefined) return ['no journal was given: nothing that ended since is known']
  const { events, unreadableLines, from, to } = journal
  const cut = unreadableLines === 0 ? [] : [`${unreadableLines} lines of the journal cannot be read as events`]
  if (from === null || to === null) return ['the journal holds no event since then: is it the right one?', ...cut]
  const { sessions, users, clients, keys } = reapplied
  return [
    `the journal holds ${events} events since then, from ${instant(from)} to ${instant(to)}`,
    ...cut,
    `done again: ${sessions} sessions ended, ${users} users disabled, ${clients} clients removed, ${keys} signing keys killed; ${standing} ends stand already`,
  ]
}
