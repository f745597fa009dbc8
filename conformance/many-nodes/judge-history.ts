import { readRefreshToken } from '../running-server/refresh-token-form.ts'
import {
  describe,
  type Exchange,
  givenToken,
  type History,
  reasonOf,
  type SessionHistory,
  sessionsOf,
  statusOf,
} from './history.ts'
import { fairPlay, isStale, staleAnswers, staleRefusals, unpunished } from './stale-tokens.ts'

/** A promise that a run has shown to be broken. */
export interface Violation {
  readonly rule: Rule
  readonly session: string
  /** Who, where and when; no tokens. */
  readonly what: string
}

/** What is promised to clients, each word for word in docs/proof.md. */
export type Rule =
  | 'statuses'
  | 'retry-after'
  | 'one chain'
  | 'monotone'
  | 'order'
  | 'no sign-out'
  | 'theft'
  | 'no lost session'
  | 'fair play'

/** Finds every broken promise in one session's history. */
type Judge = (own: SessionHistory, history: History) => readonly (Exchange | string)[]

/**
 * Judges a run by what its clients wrote down, and by nothing else: it knows the form of a refresh token from the
 * documents, and no code of the server. Empty where every promise was kept.
 */
export function judgeHistory(history: History): readonly Violation[] {
  return sessionsOf(history).flatMap((own) =>
    judges.flatMap(([rule, judge]) =>
      judge(own, history).map((found) => ({
        rule,
        session: own.session,
        what: typeof found === 'string' ? found : describe(found),
      })),
    ),
  )
}

const judges: readonly (readonly [Rule, Judge])[] = [
  ['statuses', ({ exchanges }) => exchanges.filter((exchange) => !isExpected(exchange))],
  ['retry-after', ({ exchanges }) => exchanges.filter(lacksRetryAfter)],
  ['one chain', secondSuccessors],
  ['one chain', unreachedGenerations],
  ['monotone', fallenGenerations],
  ['order', answersAfterTheEnd],
  ['no sign-out', unexplainedEnds],
  ['theft', staleAnswers],
  ['theft', staleRefusals],
  ['theft', unpunished],
  ['no lost session', lostHolders],
  ['fair play', fairPlay],
]

/** A refresh is answered, refused for the end of its session, or not decided; a sign-out works or is not decided. */
function isExpected(exchange: Exchange): boolean {
  const { came, asks } = exchange
  if (came.kind === 'nothing' || came.status === 503) return true
  if (asks === 'end') return came.status === 204
  return came.status === 200 ? came.token !== undefined : came.status === 400 && came.error === 'invalid_grant'
}

function lacksRetryAfter({ came }: Exchange): boolean {
  return came.kind === 'answer' && came.status === 503 && !/^[1-9][0-9]{0,2}$/.test(came.retryAfter ?? '')
}

/** A generation of a session is one token: two of them are two live chains. And it is this session's. */
function secondSuccessors({ session, refreshes }: SessionHistory): readonly Exchange[] {
  const tokens = new Map<number, string>()
  return refreshes.filter((refresh) => {
    const token = givenToken(refresh)
    if (token === undefined || refresh.given === undefined) return false
    const first = tokens.get(refresh.given) ?? token
    tokens.set(refresh.given, first)
    const ownSession = Buffer.from(readRefreshToken(token).sessionId).toString('base64url') === session
    return token !== first || !ownSession || refresh.given <= refresh.presented
  })
}

/** No generation is given out unless somebody had presented the one before it. */
function unreachedGenerations({ refreshes }: SessionHistory): readonly Exchange[] {
  return refreshes.filter(
    ({ given, end }) =>
      given !== undefined && !refreshes.some(({ presented, start }) => presented === given - 1 && start <= end),
  )
}

/** Whoever asks after an answer was read is never given an older token than that answer held. */
function fallenGenerations({ refreshes }: SessionHistory): readonly Exchange[] {
  const given = refreshes.filter((refresh) => refresh.given !== undefined).toSorted((one, other) => one.end - other.end)
  let [highest, read] = [0, 0]
  return refreshes.filter((refresh) => {
    for (; (given[read]?.end ?? Number.POSITIVE_INFINITY) <= refresh.start; read += 1)
      highest = Math.max(highest, given[read]?.given ?? 0)
    return refresh.given !== undefined && refresh.given < highest
  })
}

/** Once anybody was told that the session has ended, no request that begins later is answered with tokens. */
function answersAfterTheEnd({ exchanges }: SessionHistory): readonly Exchange[] {
  const told = exchanges.filter((exchange) => statusOf(exchange) === (exchange.asks === 'end' ? 204 : 400))
  const over = Math.min(...told.map(({ end }) => end))
  return exchanges.filter((exchange) => statusOf(exchange) === 200 && exchange.start >= over)
}

/** An end needs a cause that came before its telling: a sign-out for `logout`, and a thief for `replay`. */
function unexplainedEnds(own: SessionHistory, history: History): readonly Exchange[] {
  return own.refreshes.filter((refresh) => {
    if (statusOf(refresh) !== 400) return false
    const earlier = (cause: Exchange) => cause.start < refresh.end
    if (reasonOf(refresh) === 'logout') return !own.ends.some(earlier)
    if (reasonOf(refresh) === 'replay') return !own.exchanges.some((cause) => cause.part === 'thief' && earlier(cause))
    // A thief may get other refusals; those are judged as theft.
    return refresh.part === 'holder' || !isStale(refresh, own, history)
  })
}

/** After the faults each holder of a session that nobody ended gets tokens with the first try or the second. */
function lostHolders({ exchanges, refreshes, ends }: SessionHistory, { calmFrom }: History): readonly string[] {
  if (ends.length > 0 || exchanges.some(({ part }) => part === 'thief')) return []
  const clients = Map.groupBy(refreshes, ({ client }) => client)
  return [...clients].flatMap(([client, asked]) => {
    const tries = asked.filter(({ start }) => start >= calmFrom).slice(0, 2)
    if (tries.some((refresh) => statusOf(refresh) === 200)) return []
    return [`${client} got ${tries.map(describe).join(' and ') || 'nothing, for it did not ask'} after the faults`]
  })
}
