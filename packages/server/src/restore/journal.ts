import { type SessionEndReason, sessionEndReasons } from '@pawl/protocol'
import { z } from 'zod'
import type { SecurityEventType } from '../security-events/security-event.ts'

/** An end that a journal tells of. */
export interface JournalledEnd<Reason = undefined> {
  readonly id: string
  /** When it happened, in milliseconds. */
  readonly at: number
  readonly reason: Reason
}

/** What a journal of security events tells of the time since an instant. */
export interface Journal {
  /** Events at or after that instant. */
  readonly events: number
  /** Lines that were to be events and cannot be read, such as one that a crash cut off, or with ids that nothing has. */
  readonly unreadableLines: number
  /** Instants of the first and the last event, in milliseconds; null where there is none. */
  readonly from: number | null
  readonly to: number | null
  /** Sessions that ended, each with the first reason. */
  readonly sessions: readonly JournalledEnd<SessionEndReason>[]
  readonly disabledUsers: readonly JournalledEnd[]
  readonly removedClients: readonly JournalledEnd[]
  readonly killedKeys: readonly JournalledEnd[]
  /** What cannot be done again from a journal, which holds no secret: ids, each once. */
  readonly changedPasswords: readonly string[]
  readonly changedRoles: readonly string[]
  readonly addedUsers: readonly string[]
  readonly addedClients: readonly string[]
}

/**
 * What an id can be made of. Ids go into the revocation feed, and one that its readers do not take would have all of them
 * throw away the whole of it.
 */
const id = z.string().regex(/^[\x20-\x7e]{1,255}$/)

/** Only what is needed here is asked for, so that a journal of another release is read as far as it goes. */
const journalLine = z.object({
  event: z.object({
    type: z.string(),
    at: z.number(),
    sessionId: id.optional(),
    userId: id.optional(),
    clientId: id.optional(),
    keyId: id.optional(),
    reason: z.string().optional(),
    endedSessions: z.array(id).optional(),
  }),
})

type JournalledEvent = z.infer<typeof journalLine>['event']

/** What is looked for, with the reason for which such a change ends the sessions that its event names. */
const reasons: Partial<Readonly<Record<string, SessionEndReason>>> = {
  session_replayed: 'replay',
  password_changed: 'password_changed',
  user_disabled: 'user_disabled',
  client_removed: 'client_removed',
} satisfies Partial<Record<SecurityEventType, SessionEndReason>>

/**
 * Reads a journal: lines of JSON as the server logs them, of which those with an `event` count. Other lines of the log
 * are passed over, so the whole log will do.
 *
 * @param since milliseconds; events before are passed over
 */
export async function readJournal(lines: AsyncIterable<string>, since: number): Promise<Journal> {
  const counted = { events: 0, unreadableLines: 0, from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY }
  const events: JournalledEvent[] = []
  for await (const line of lines) {
    const event = readLine(line)
    if (event === 'unreadable') counted.unreadableLines += 1
    if (typeof event !== 'object' || event.at < since) continue
    counted.events += 1
    counted.from = Math.min(counted.from, event.at)
    counted.to = Math.max(counted.to, event.at)
    // By far the most frequent event, and none that anything can be done about.
    if (event.type !== ('session_opened' satisfies SecurityEventType)) events.push(event)
  }
  const subjects = (type: SecurityEventType, id: 'userId' | 'clientId' | 'keyId'): readonly JournalledEnd[] =>
    events.flatMap((event) => {
      const subject = event.type === type ? event[id] : undefined
      return subject === undefined ? [] : [{ id: subject, at: event.at, reason: undefined }]
    })
  const ids = (type: SecurityEventType, id: 'userId' | 'clientId'): readonly string[] => [
    ...new Set(subjects(type, id).map((subject) => subject.id)),
  ]
  return {
    events: counted.events,
    unreadableLines: counted.unreadableLines,
    from: counted.events === 0 ? null : counted.from,
    to: counted.events === 0 ? null : counted.to,
    sessions: sessionEnds(events),
    disabledUsers: subjects('user_disabled', 'userId'),
    removedClients: subjects('client_removed', 'clientId'),
    killedKeys: subjects('signing_key_killed', 'keyId'),
    changedPasswords: ids('password_changed', 'userId'),
    changedRoles: ids('user_roles_changed', 'userId'),
    addedUsers: ids('user_added', 'userId'),
    addedClients: ids('client_added', 'clientId'),
  }
}

/** Every session that any of the events ended, with the first end. */
function sessionEnds(events: readonly JournalledEvent[]): readonly JournalledEnd<SessionEndReason>[] {
  const ends = new Map<string, JournalledEnd<SessionEndReason>>()
  for (const event of events) {
    const { type, at, sessionId, endedSessions = [] } = event
    const own = type === 'session_ended' || type === 'session_replayed' ? sessionId : undefined
    for (const id of own === undefined ? endedSessions : [own, ...endedSessions]) {
      if (!ends.has(id)) ends.set(id, { id, at, reason: reasonOf(event) })
    }
  }
  return [...ends.values()]
}

/** A reason that only a newer release knows is an end all the same. */
function reasonOf({ type, reason }: JournalledEvent): SessionEndReason {
  return isEndReason(reason) ? reason : (reasons[type] ?? 'restored')
}

function isEndReason(reason: string | undefined): reason is SessionEndReason {
  return reason !== undefined && Object.hasOwn(sessionEndReasons, reason)
}

/** The event of a line; undefined where the line is none. */
function readLine(line: string): JournalledEvent | 'unreadable' | undefined {
  if (!line.includes('"event"')) return undefined
  try {
    const read = journalLine.safeParse(JSON.parse(line))
    return read.success ? read.data.event : 'unreadable'
  } catch {
    return 'unreadable'
  }
}
