import { isJsonObject, parseJsonObject } from './json-object.ts'

/** Path of the revocation feed below the issuer: `text/event-stream`, in the words of this file. */
export const revocationFeedPath = '/revocations'

/** Scope of an access token that may read the feed, where the issuer asks for one. */
export const revocationFeedScope = 'revocations:read'

/** Time between two heartbeats of the feed. The first one follows what a reader is sent on connecting. */
export const revocationHeartbeatMilliseconds = 5_000

/** Most characters that the data of one event may have. A snapshot that is larger is spread over several events. */
export const largestRevocationEvent = 1_048_576

/** Longest `id` of an entry in characters, and longest time that an entry may ask to be kept after its `at`. */
export const revocationEntryLimits: { readonly idCharacters: number; readonly keptMilliseconds: number } = {
  idCharacters: 512,
  keptMilliseconds: 2 * 86_400_000,
}

/**
 * What an entry ends:
 * - `session`: the tokens with this `sid`;
 * - `key`: the tokens whose header names this `kid`;
 * - `user`, `client`: the tokens of this `sub` or `client_id` that have no `sid` and were issued up to `at`;
 * - `claims`: nothing, but the claims of this `sub` in tokens issued up to `at` are out of date: refresh.
 *
 * A token was issued at `iat` and `iat_ms` together.
 */
export const revocationKinds = ['session', 'user', 'client', 'key', 'claims'] as const

/** A kind of {@link revocationKinds}. */
export type RevocationKind = (typeof revocationKinds)[number]

/** One thing that ended. Times are milliseconds since 1970 by the issuer's clock. */
export interface RevocationEntry {
  readonly kind: RevocationKind
  readonly id: string
  /** When it ended. */
  readonly at: number
  /** When the last token that this can cover has expired, and the entry may be forgotten. */
  readonly until: number
}

/** Place in the feed: the `id` of its events. Sequence numbers mean something within one epoch only. */
export interface RevocationPosition {
  readonly epoch: string
  readonly sequence: number
}

/** One event of the feed. */
export type RevocationMessage =
  /** Everything that is not forgotten yet, in one event or several; `more` tells that another one follows. */
  | { readonly event: 'snapshot'; readonly entries: readonly RevocationEntry[]; readonly more: boolean }
  /** What one step of the sequence brought. */
  | { readonly event: 'entries'; readonly entries: readonly RevocationEntry[] }
  /** Nothing is missing up to this event's position. `now`: the issuer's clock, milliseconds since 1970. */
  | { readonly event: 'heartbeat'; readonly now: number }

/** Writes a position as the `id` of an event and the value of `Last-Event-ID`: `<epoch>.<sequence>`. */
export function formatRevocationPosition(position: RevocationPosition): string {
  return `${position.epoch}.${position.sequence}`
}

/** Reads a position; undefined when it is not of the form that {@link formatRevocationPosition} writes. */
export function parseRevocationPosition(text: string): RevocationPosition | undefined {
  const match = /^([\w-]{1,32})\.(0|[1-9]\d{0,15})$/.exec(text)
  const sequence = Number(match?.[2])
  return match?.[1] !== undefined && Number.isSafeInteger(sequence) ? { epoch: match[1], sequence } : undefined
}

/** Writes a message as one server-sent event, blank line included. */
export function formatRevocationEvent(position: RevocationPosition, { event, ...data }: RevocationMessage): string {
  return `id: ${formatRevocationPosition(position)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/**
 * Reads the `event` and the `data` of a server-sent event. Entries of a kind that is not known are left out, so that new
 * kinds can be added to the feed before every reader knows them; an event of another name is `other` for the same reason.
 *
 * @returns undefined for data that is not of its form: then something was said that is not understood
 */
export function parseRevocationMessage(event: string, data: string): RevocationMessage | 'other' | undefined {
  if (event !== 'snapshot' && event !== 'entries' && event !== 'heartbeat') return 'other'
  const members = parseJsonObject(data)
  if (members === undefined) return undefined
  const { now, more } = members
  if (event === 'heartbeat') return isInstant(now) ? { event, now } : undefined
  const entries = parseEntries(members['entries'])
  if (entries === undefined) return undefined
  if (event === 'entries') return { event, entries }
  return typeof more === 'boolean' ? { event, entries, more } : undefined
}

function parseEntries(value: unknown): readonly RevocationEntry[] | undefined {
  if (!Array.isArray(value)) return undefined
  const entries: RevocationEntry[] = []
  for (const each of value) {
    const entry = parseEntry(each)
    if (entry === undefined) return undefined
    if (entry !== 'other') entries.push(entry)
  }
  return entries
}

function parseEntry(value: unknown): RevocationEntry | 'other' | undefined {
  if (!isJsonObject(value)) return undefined
  const { id, at, until } = value
  if (typeof value['kind'] !== 'string' || typeof id !== 'string' || !isInstant(at) || !isInstant(until)) {
    return undefined
  }
  if (id === '' || id.length > revocationEntryLimits.idCharacters) return undefined
  const kind = revocationKinds.find((known) => known === value['kind'])
  return kind === undefined ? 'other' : { kind, id, at, until }
}

function isInstant(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
