import type { Exchange, History, Refresh, SessionHistory } from './history.ts'
import { reasonOf, statusOf } from './history.ts'

/** How many rotations a session remembers. */
const remembered = 8

/** Between the server's instants and ours lies at most the way of a message. */
const tolerance = 250

/**
 * Whether the presented token was superseded so long ago that the server must take it for theft. Said only where the
 * clients' own notes prove it: an answer with a newer token had been read a race window before this request began, and
 * the attempt id is none of those that could have made that rotation; or an answer had been read that was more rotations
 * ahead than a session remembers.
 */
export function isStale(refresh: Refresh, { refreshes }: SessionHistory, history: History): boolean {
  const newer = refreshes.filter(({ given }) => given !== undefined && given > refresh.presented)
  if (newer.some(({ given = 0, end }) => end <= refresh.start && given - refresh.presented > remembered)) return true
  const supersededBy = Math.min(...newer.map(({ end }) => end))
  if (refresh.start < supersededBy + history.windowMilliseconds + tolerance) return false
  const candidates = refreshes.filter(
    ({ presented, start }) => presented === refresh.presented && start <= supersededBy,
  )
  return refresh.attemptId === undefined || candidates.every(({ attemptId }) => attemptId !== refresh.attemptId)
}

/** Rule `theft`: a stale token never gets tokens. */
export function staleAnswers(own: SessionHistory, history: History): readonly Exchange[] {
  return own.refreshes.filter((refresh) => statusOf(refresh) === 200 && isStale(refresh, own, history))
}

/** Rule `theft`: whoever presents a stale token hears that the session is over, in one of the two ways that there are here. */
export function staleRefusals(own: SessionHistory, history: History): readonly Exchange[] {
  return own.refreshes.filter(
    (refresh) =>
      statusOf(refresh) === 400 &&
      !['replay', 'logout'].includes(reasonOf(refresh) ?? '') &&
      isStale(refresh, own, history),
  )
}

/** Rule `theft`: where a stale token was presented, or a thief got tokens, the session is told to be over in the end. */
export function unpunished(own: SessionHistory, history: History): readonly string[] {
  const robbed = own.refreshes.some(
    (refresh) => isStale(refresh, own, history) || (refresh.part === 'thief' && statusOf(refresh) === 200),
  )
  const over = own.refreshes.some((refresh) => ['replay', 'logout'].includes(reasonOf(refresh) ?? ''))
  return robbed && !over ? ['there was a thief, and the session lives on'] : []
}

/**
 * Rule `fair play`, which holds the clients of the run and not the server: a holder presents the newest token that the
 * holders' store has, with one attempt id for each generation. Without it the other rules would prove nothing.
 */
export function fairPlay({ refreshes }: SessionHistory): readonly Exchange[] {
  const attempts = new Map<number, string | undefined>()
  const held = refreshes.filter(({ part }) => part === 'holder')
  return held.filter(({ presented, attemptId, start }) => {
    if (!attempts.has(presented)) attempts.set(presented, attemptId)
    const newest = Math.max(...held.map(({ given, end }) => (given !== undefined && end < start ? given : 0)))
    return presented < newest || attempts.get(presented) !== attemptId
  })
}
