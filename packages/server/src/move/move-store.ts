import type {
  Arrival,
  CarriedKind,
  TransferReader,
  TransferSource,
  TransferTarget,
  TransferWriter,
} from '../storage/transfer.ts'
import { startTally, type Tally } from './tally.ts'

/** How many records there were, by kind; the server's own book-keeping apart. */
export type CarriedCounts = Readonly<Record<Exclude<CarriedKind, 'lifetimes' | 'standing'>, number>>

/** Outcome of a move. Refusals changed nothing. */
export type MoveOutcome =
  | { readonly outcome: 'moved'; readonly counts: CarriedCounts }
  /** A move that was cut off after the last record is brought to its end. */
  | { readonly outcome: 'finished' }
  /** Everything is there already, since that instant of the target's clock. */
  | { readonly outcome: 'moved_before'; readonly at: number }
  /** The source was moved, and this target is not where to. */
  | { readonly outcome: 'moved_elsewhere'; readonly destination: string; readonly at: number }
  /** The target holds an installation of its own. */
  | { readonly outcome: 'target_in_use' }
  /** The target holds what this source was moved to before it came back. */
  | { readonly outcome: 'target_outdated' }
  /** The target holds the unfinished move of another installation. */
  | { readonly outcome: 'target_taken' }
  /** What the target gave back is not what was written. Nothing was changed on either side. */
  | { readonly outcome: 'not_alike'; readonly kind: CarriedKind }
  /**
   * Everything is in the target and the source is closed, but the target could not be told so: moving again brings it to
   * its end.
   */
  | { readonly outcome: 'unfinished'; readonly cause: unknown }

/** What a move works on. */
export interface MoveParts {
  readonly source: TransferSource
  readonly target: TransferTarget
  /** Where the target is, for people; no password. */
  readonly destination: string
  /** Drawn for this move. */
  readonly id: string
}

// A record, so that the compiler asks for a kind that was added. Its order is that of writing.
const kinds: Readonly<Record<CarriedKind, true>> = {
  users: true,
  clients: true,
  signingKeys: true,
  refreshKeys: true,
  sessions: true,
  consents: true,
  events: true,
  failures: true,
  revocations: true,
  lifetimes: true,
  standing: true,
}

/**
 * Carries everything from one store into another, and closes the first.
 *
 * There are two transactions, one in each store, and no way to commit both at once. So the target's comes first and leaves
 * it closed to every node; then the source's, which closes the source; and only then is the target opened. Whenever that
 * is cut off, at most one of the two is in use, and the same move, run again, knows from both what is left to do.
 *
 * @throws StorageUnavailable when one of the two does not answer; the source is then still in use
 */
export async function moveStore({ source, target, destination, id: drawn }: MoveParts): Promise<MoveOutcome> {
  const departure = await source.departure()
  await target.open()
  try {
    const arrival = await target.arrival()
    if (departure.kind === 'departed') return await endEarlierMove(departure, { destination, arrival, target })
    const id = await source.begin(drawn)
    const refusal = refusalOf(arrival, id)
    if (refusal !== undefined) return refusal
    const carried = await carry({ source, target, destination, id })
    if ('outcome' in carried) return carried
    return (await finish(target, id)) ?? { outcome: 'moved', counts: carried }
  } finally {
    await target.close()
  }
}

/**
 * The id alone does not show where to: an attempt that was cut off, or a move that was undone, has left it in another target
 * together with what the sessions were like then.
 */
async function endEarlierMove(
  departure: { readonly id: string; readonly destination: string; readonly at: number },
  { destination, arrival, target }: Pick<MoveParts, 'destination' | 'target'> & { readonly arrival: Arrival },
): Promise<MoveOutcome> {
  const { id, at } = departure
  if (!('id' in arrival) || arrival.id !== id || departure.destination !== destination)
    return { outcome: 'moved_elsewhere', destination: departure.destination, at }
  if (arrival.kind === 'finished') return { outcome: 'moved_before', at: arrival.at }
  return (await finish(target, id)) ?? { outcome: 'finished' }
}

function refusalOf(arrival: Arrival, id: string): MoveOutcome | undefined {
  if (arrival.kind === 'in_use') return { outcome: 'target_in_use' }
  if (arrival.kind === 'finished') return { outcome: arrival.id === id ? 'target_outdated' : 'target_in_use' }
  if (arrival.kind === 'unfinished' && arrival.id !== id) return { outcome: 'target_taken' }
  return undefined
}

async function finish(target: TransferTarget, id: string): Promise<MoveOutcome | undefined> {
  try {
    await target.finish(id)
    return undefined
  } catch (cause) {
    return { outcome: 'unfinished', cause }
  }
}

/** Thrown out of both transactions, so that both are rolled back. */
interface Unlike extends Error {
  readonly unlike: CarriedKind
}

function isUnlike(error: unknown): error is Unlike {
  return error instanceof Error && 'unlike' in error
}

async function carry({ source, target, destination, id }: MoveParts): Promise<CarriedCounts | MoveOutcome> {
  try {
    return await source.depart({ id, destination }, (reader) =>
      target.receive(id, (writer, back) => carryAll(reader, writer, back)),
    )
  } catch (error) {
    if (!isUnlike(error)) throw error
    return { outcome: 'not_alike', kind: error.unlike }
  }
}

async function carryAll(reader: TransferReader, writer: TransferWriter, back: TransferReader): Promise<CarriedCounts> {
  const tallies = new Map<CarriedKind, Tally>()
  for (const kind of carriedKinds()) tallies.set(kind, await carryKind(kind, reader, writer))
  for (const [kind, tally] of tallies) {
    const written = await tallyOf(kind, back)
    if (written.count !== tally.count || written.digest !== tally.digest) {
      throw Object.assign(new Error(`the ${kind} that were written are not those that were read`), { unlike: kind })
    }
  }
  const count = (kind: CarriedKind) => tallies.get(kind)?.count ?? 0
  return {
    users: count('users'),
    clients: count('clients'),
    signingKeys: count('signingKeys'),
    refreshKeys: count('refreshKeys'),
    sessions: count('sessions'),
    consents: count('consents'),
    events: count('events'),
    failures: count('failures'),
    revocations: count('revocations'),
  }
}

function carriedKinds(): readonly CarriedKind[] {
  return Object.keys(kinds).filter((name): name is CarriedKind => Object.hasOwn(kinds, name))
}

async function carryKind<Kind extends CarriedKind>(
  kind: Kind,
  reader: TransferReader,
  writer: TransferWriter,
): Promise<Tally> {
  const tallying = startTally()
  for await (const batch of reader[kind]()) {
    tallying.add(batch)
    await writer[kind](batch)
  }
  return tallying.total()
}

async function tallyOf(kind: CarriedKind, reader: TransferReader): Promise<Tally> {
  const tallying = startTally()
  for await (const batch of reader[kind]()) tallying.add(batch)
  return tallying.total()
}
