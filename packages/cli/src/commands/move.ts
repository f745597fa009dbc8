import { type Administration, readDatabaseAddress } from '@pawl/server'
import { postgresStorage } from '@pawl/storage-postgres'
import { Command, Option } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, jsonOption, type Outcome, type OutputOptions, report } from '../output.ts'
import { readSecret } from '../secret-input.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends OutputOptions {
  readonly to?: string
  readonly toStdin?: true
  readonly undo?: true
}

type MoveResult = Awaited<ReturnType<Administration['move']>>
type UndoResult = Awaited<ReturnType<Administration['undoMove']>>

/** What ended on the other store shortly before the move by that store's clock, which may be late. */
const clockTolerance = 60_000

/** `pawl move (--to URL | --to-stdin | --undo)` */
export const move: CommandBuilder = (surroundings) =>
  new Command('move')
    .description('carry everything from the SQLite store into an empty PostgreSQL database, while servers run')
    .addOption(new Option('--to <url>', 'the database, as postgres://user@host/name, without a password'))
    .addOption(new Option('--to-stdin', 'read the URL from standard input; it may hold a password').conflicts('to'))
    .addOption(
      new Option('--undo', 'use the SQLite store again, as it was when it was moved').conflicts(['to', 'toStdin']),
    )
    .addOption(jsonOption())
    .action(async (options: Options, command: Command) => {
      if (options.undo) {
        return administer(surroundings, options, async (administration) => tellUndo(await administration.undoMove()))
      }
      if (options.to === undefined && options.toStdin === undefined)
        command.error('pawl: say where to: --to URL, or --to-stdin')
      const address = await readAddress(options, surroundings.terminal)
      if (!address.ok) return surroundings.exitWith(report(address, options, surroundings.terminal))
      const { url, label } = address
      await administer(surroundings, options, async (administration) =>
        tell(label, await administration.move({ to: postgresStorage({ url }), destination: label })),
      )
    })

/** A URL of a database from where it was given. */
async function readAddress(
  { to, toStdin }: Options,
  terminal: Terminal,
): Promise<
  { readonly ok: true; readonly url: string; readonly label: string } | { readonly ok: false; readonly message: string }
> {
  const given = toStdin ? await readSecret(terminal, 'URL') : { ok: true as const, secret: to ?? '' }
  if (!given.ok) return given
  const address = readDatabaseAddress(given.secret)
  if (address === undefined)
    return {
      ok: false,
      message: 'that is no URL of a PostgreSQL database. Give one such as postgres://pawl@db.example/pawl',
    }
  if (address.hasPassword && !toStdin) {
    const message = 'the URL holds a password, and every process of this machine can read the command line'
    return {
      ok: false,
      message: `${message}. Give it with --to-stdin, or leave the password to PGPASSWORD or ~/.pgpass`,
    }
  }
  return { ok: true, url: address.url, label: address.label }
}

function tell(to: string, result: MoveResult): Outcome {
  switch (result.outcome) {
    case 'moved': {
      const { users, clients, sessions, consents, signingKeys, refreshKeys, events, failures, revocations } =
        result.counts
      return {
        ok: true,
        text: [
          `moved to ${to}: ${users} users, ${clients} clients, ${sessions} sessions, ${consents} consents, ${signingKeys} signing keys, ${refreshKeys} refresh keys, ${events} events that wait, ${failures} counts of failures, ${revocations} entries of the revocation feed; all of it was read back and is alike`,
          ...whatNow,
        ],
        json: {
          to,
          outcome: 'moved',
          carried: {
            users,
            clients,
            sessions,
            signing_keys: signingKeys,
            refresh_keys: refreshKeys,
            events,
            consents,
            failures,
            revocations,
          },
        },
      }
    }
    case 'finished':
      return {
        ok: true,
        text: [`the move to ${to} that was cut off has come to its end`, ...whatNow],
        json: { to, outcome: 'finished' },
      }
    case 'moved_before':
      return {
        ok: true,
        text: [`everything was moved to ${to} before, at ${instant(result.at)}; there is nothing to do`],
        json: { to, outcome: 'moved_before', at: instant(result.at) },
      }
    default:
      return { ok: false, message: refusal(to, result) }
  }
}

const whatNow: readonly string[] = [
  'servers on the SQLite store answer 503 from now on: start them with PAWL_DATABASE_URL, and with the same secrets',
]

function refusal(
  to: string,
  result: Exclude<MoveResult, { readonly outcome: 'moved' | 'finished' | 'moved_before' }>,
): string {
  const emptied = 'If no server uses that: DROP SCHEMA pawl CASCADE there, and run this again'
  switch (result.outcome) {
    case 'moved_elsewhere':
      return `everything was moved to ${result.destination} at ${instant(result.at)}, and that is not ${to}. Name ${result.destination}, or begin with: pawl move --undo`
    case 'target_in_use':
      return `${to} holds an installation of Pawl already. Name an empty database`
    case 'target_outdated':
      return `${to} holds what was moved there before pawl move --undo. ${emptied}`
    case 'target_taken':
      return `${to} holds the unfinished move of another installation. ${emptied}`
    case 'not_alike':
      return `the ${result.kind} that ${to} gave back are not those that were written. Nothing was changed on either side; please report this`
    case 'unfinished':
      return `everything is in ${to}, and the SQLite store is closed, but the database could not be told that it is the one in use: ${causeOf(result.cause)}. Run the same command again`
    case 'impossible':
      return `a move goes from SQLite to PostgreSQL, and this is ${result.engine}. Leave PAWL_DATABASE_URL unset for it`
  }
}

function tellUndo(result: UndoResult): Outcome {
  if (result.kind === 'impossible')
    return {
      ok: false,
      message: `there is no move from ${result.engine} to undo. Leave PAWL_DATABASE_URL unset for it`,
    }
  if (result.kind === 'here')
    return { ok: false, message: 'nothing was moved away from here: there is nothing to undo' }
  const { destination, at } = result
  const since = instant(at - clockTolerance)
  return {
    ok: true,
    text: [
      `the SQLite store is in use again, as it was at ${instant(at)}, when it was moved to ${destination}`,
      `stop every server on ${destination}: of two that issue tokens for the same sessions neither knows what the other ended`,
      `what ended there since, ends here with: pawl restore --lost-since ${since} --journal LOG, with --keep-sessions or --end-sessions`,
    ],
    json: { moved_to: destination, moved_at: instant(at), lost_since: since },
  }
}

function causeOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
