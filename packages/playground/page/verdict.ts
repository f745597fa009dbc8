import { refusalReasons } from '@pawl/protocol'

/** How an event is marked, beside its word. */
export type Tone = 'step' | 'same' | 'theft' | 'refused' | 'plain'

/** One line of what happened. */
export interface LedgerEntry {
  readonly who: string
  /** A word of the glossary, or what was asked. */
  readonly verdict: string
  /** Generations or a status, in short. */
  readonly detail?: string
  readonly reason: string
  readonly tone: Tone
}

/** What is known about one request to refresh, once it was answered. */
export interface RefreshSeen {
  /** Generation of the token that was presented. */
  readonly presented: number
  /** Highest generation known before the request. */
  readonly current: number
  /** Generation of the token that came back; undefined when none did. */
  readonly answered: number | undefined
  readonly status: number
  readonly error: string | undefined
  readonly reason: string | undefined
  /** Milliseconds since the presented token was superseded; undefined: it had not been. */
  readonly supersededFor: number | undefined
  /** The request carried the attempt id of the rotation that superseded the token. */
  readonly sameAttempt: boolean
  readonly windowMilliseconds: number
}

/** A verdict in the words of the design, and the rule that decided. */
export interface Verdict {
  readonly word: 'advance' | 'repeat' | 'replay' | 'superseded' | 'refused' | 'undecided'
  readonly detail: string
  readonly rule: string
  readonly tone: Tone
}

/** Tells what was decided and by which rule, from what a client can see of it. */
export function explainRefresh(seen: RefreshSeen): Verdict {
  const { presented, current, answered, status, error, reason } = seen
  if (answered !== undefined) {
    if (answered > current) {
      const rule = `Generation ${presented} was current: one step, and its refresh token is superseded.`
      return { word: 'advance', detail: `${presented} → ${answered}`, rule, tone: 'step' }
    }
    return { word: 'repeat', detail: `${presented} → ${answered}`, rule: ruleOfRepeat(seen, answered), tone: 'same' }
  }
  if (status >= 500 || status === 429 || status === 0) {
    const rule = 'Nothing was decided and nothing changed; the client tries again. This is no sign-out.'
    return { word: 'undecided', detail: statusText(status), rule, tone: 'plain' }
  }
  if (reason === 'replay' && seen.supersededFor !== undefined) {
    const rule = `Generation ${presented} was superseded ${seconds(seen.supersededFor)} ago; neither race window nor attempt id explains it. Theft: the session ends for everyone.`
    return { word: 'replay', detail: `${presented}, current was ${current}`, rule, tone: 'theft' }
  }
  if (reason === 'superseded')
    return { word: 'superseded', detail: `${presented}`, rule: refusalReasons.superseded, tone: 'refused' }
  return { word: 'refused', detail: `${status} ${error ?? ''}`.trim(), rule: explainReason(reason), tone: 'refused' }
}

function ruleOfRepeat(seen: RefreshSeen, answered: number): string {
  const { presented, supersededFor = 0, windowMilliseconds, sameAttempt } = seen
  const ago = seconds(supersededFor)
  if (supersededFor < windowMilliseconds) {
    return `Generation ${presented} was superseded ${ago} ago, inside the race window: the token of generation ${answered} again, no step.`
  }
  return sameAttempt
    ? `Generation ${presented} was superseded ${ago} ago, but the attempt id is that of this very rotation: a late retry. The same successor, no step.`
    : `Generation ${presented} had been superseded already: the token of generation ${answered} again, no step.`
}

/** What a `reason` of the server means, in the words of the one table of reasons. */
export function explainReason(reason: string | undefined): string {
  if (reason === undefined) return 'The server gave no reason.'
  const known = Object.entries(refusalReasons).find(([name]) => name === reason)
  return known === undefined ? reason : `Reason ${reason}: ${known[1]}`
}

/** A verdict as a line of the ledger. */
export function entryOf(who: string, verdict: Verdict): LedgerEntry {
  return { who, verdict: verdict.word, detail: verdict.detail, reason: verdict.rule, tone: verdict.tone }
}

/** The same for a refresh that two tabs sent at once: only that they met is sure. */
export function entryOfRace(who: string, verdict: Verdict): LedgerEntry {
  return { ...entryOf(who, verdict), verdict: 'refreshed', reason: 'At the same instant as the other tab.' }
}

function seconds(milliseconds: number): string {
  return `${Math.max(0, milliseconds / 1000).toFixed(1)} s`
}

function statusText(status: number): string {
  return status === 0 ? 'no reply' : String(status)
}
