import { readRefreshToken } from '../running-server/refresh-token-form.ts'

/** What came back over the wire. */
export interface WireAnswer {
  readonly kind: 'answer'
  readonly status: number
  /** The header, as it was. */
  readonly retryAfter: string | null
  /** The refresh token that was given. */
  readonly token?: string
  readonly error?: string
  /** Why a session ended, or why nothing was decided. */
  readonly reason?: string
}

/** The connection broke, or the client gave up: what became of the request is unknown. */
interface NoAnswer {
  readonly kind: 'nothing'
}

/** One request of one client, as the client itself saw it. Instants are milliseconds of the one clock of the run. */
export interface Exchange {
  readonly client: string
  /** A holder behaves as design and documents say; a thief has a copy of what the holders had. */
  readonly part: 'holder' | 'thief'
  readonly asks: 'refresh' | 'end'
  readonly node: string
  readonly session: string
  /** The refresh token that was presented. */
  readonly token: string
  /** Undefined: none was sent. */
  readonly attemptId: string | undefined
  readonly start: number
  /** When the answer was read to its end, or the client knew that none would come. */
  readonly end: number
  readonly came: WireAnswer | NoAnswer
}

/** All that the clients of a run wrote down. Nothing in it comes from the server's inside. */
export interface History {
  readonly exchanges: readonly Exchange[]
  /** The instant from which on nothing was disturbed any more. */
  readonly calmFrom: number
  /** Race window of the server. */
  readonly windowMilliseconds: number
}

/** A session's part of the history. */
export interface SessionHistory {
  readonly session: string
  readonly exchanges: readonly Exchange[]
  readonly refreshes: readonly Refresh[]
  /** Requests to end it. */
  readonly ends: readonly Exchange[]
}

/** A request to refresh, with the generations read from its tokens. */
export interface Refresh extends Exchange {
  readonly presented: number
  /** Undefined: no token came back. */
  readonly given: number | undefined
}

/** Splits a history by session, each in the order in which its requests began. */
export function sessionsOf({ exchanges }: History): readonly SessionHistory[] {
  const sessions = Map.groupBy(
    exchanges.toSorted((one, other) => one.start - other.start),
    ({ session }) => session,
  )
  return [...sessions].map(([session, own]) => ({
    session,
    exchanges: own,
    refreshes: own.filter(({ asks }) => asks === 'refresh').map(withGenerations),
    ends: own.filter(({ asks }) => asks === 'end'),
  }))
}

/** The answer's status; undefined where none came. */
export function statusOf({ came }: Exchange): number | undefined {
  return came.kind === 'answer' ? came.status : undefined
}

/** The answer's reason; undefined where there is none. */
export function reasonOf({ came }: Exchange): string | undefined {
  return came.kind === 'answer' ? came.reason : undefined
}

/** The token that came back. */
export function givenToken({ came }: Exchange): string | undefined {
  return came.kind === 'answer' && came.status === 200 ? came.token : undefined
}

/** The generation that a refresh token belongs to. */
export function generationOf(token: string): number {
  return Number(readRefreshToken(token).generation)
}

/** Who, where and when, and what came of it; no tokens. */
export function describe({ client, part, asks, node, token, attemptId, start, end, came }: Exchange): string {
  const times = `${Math.round(start)}–${Math.round(end)} ms`
  const asked = `${part} ${client} asks ${node} to ${asks} at generation ${generationOf(token)}${attemptId === undefined ? '' : ' with an attempt id'}, ${times}`
  if (came.kind === 'nothing') return `${asked}: nothing came`
  const given = came.token === undefined ? '' : `, generation ${generationOf(came.token)}`
  return `${asked}: ${[came.status, came.error, came.reason].filter((word) => word !== undefined).join(' ')}${given}`
}

function withGenerations(exchange: Exchange): Refresh {
  const given = givenToken(exchange)
  return {
    ...exchange,
    presented: generationOf(exchange.token),
    given: given === undefined ? undefined : generationOf(given),
  }
}
