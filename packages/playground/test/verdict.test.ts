import { describe, expect, test } from 'vitest'
import { explainTabs } from '../page/tabs-verdict.ts'
import { explainReason, explainRefresh, type RefreshSeen } from '../page/verdict.ts'

const answered: RefreshSeen = {
  presented: 3,
  current: 3,
  answered: 4,
  status: 200,
  error: undefined,
  reason: undefined,
  supersededFor: undefined,
  sameAttempt: false,
  windowMilliseconds: 30_000,
}
const refused: RefreshSeen = {
  ...answered,
  answered: undefined,
  status: 400,
  error: 'invalid_grant',
  supersededFor: 31_000,
}

describe('what a client can tell of a decision, in the words of the table', () => {
  test('row 1: a new generation is an advance', () => {
    expect(explainRefresh(answered)).toMatchObject({ word: 'advance', detail: '3 → 4', tone: 'step' })
  })

  test('row 3: a known generation inside the window is a repeat by the window', () => {
    const verdict = explainRefresh({ ...answered, current: 4, supersededFor: 29_999, sameAttempt: true })
    expect(verdict).toMatchObject({ word: 'repeat', detail: '3 → 4' })
    expect(verdict.rule).toContain('inside the race window')
  })

  test('row 2: after the window it is the attempt id that explains the repeat', () => {
    const verdict = explainRefresh({ ...answered, current: 4, supersededFor: 30_000, sameAttempt: true })
    expect(verdict.word).toBe('repeat')
    expect(verdict.rule).toContain('the attempt id is that of this very rotation')
  })

  test('rows 4 and 7: the refusal that ends the session is the replay, later ones are refusals', () => {
    const verdict = explainRefresh({ ...refused, current: 4, reason: 'replay' })
    expect(verdict).toMatchObject({ word: 'replay', detail: '3, current was 4', tone: 'theft' })
    expect(verdict.rule).toContain('was superseded 31.0 s ago')
    const later = explainRefresh({ ...refused, presented: 4, current: 4, reason: 'replay', supersededFor: undefined })
    expect(later).toMatchObject({ word: 'refused', detail: '400 invalid_grant' })
  })

  test('superseded is no sign-out, and neither are 429, 5xx and silence', () => {
    expect(explainRefresh({ ...refused, reason: 'superseded' })).toMatchObject({ word: 'superseded' })
    for (const status of [0, 429, 500, 503]) {
      expect(explainRefresh({ ...refused, status, error: undefined }).word, String(status)).toBe('undecided')
    }
  })

  test('a reason is told in the words of the one table, an unknown one as it is', () => {
    expect(explainReason('expired')).toBe('Reason expired: The access token has expired.')
    expect(explainReason('from_the_future')).toBe('from_the_future')
    expect(explainReason('constructor')).toBe('constructor')
    expect(explainReason(undefined)).toBe('The server gave no reason.')
  })
})

describe('what two tabs showed', () => {
  const tab = { presented: 1, holds: 2, attempt: 'Ab3dEf', accessTokenId: 'first1' }

  test('one step and a shared attempt id', () => {
    const text = explainTabs({ own: tab, other: { ...tab, accessTokenId: 'other2' } })
    expect(text).toMatch(/^Two requests with generation 1, one step/)
    expect(text).toContain('the attempt id Ab3dEf…, which the tabs share')
  })

  test('without a shared attempt id only the window is named', () => {
    const text = explainTabs({ own: tab, other: { ...tab, attempt: '' } })
    expect(text).toContain('The race window explains it. ')
  })

  test('what did not meet is not called a race', () => {
    expect(explainTabs({ own: tab, other: { ...tab, presented: 0 } })).toMatch(
      /^The tabs presented generations 1 and 0/,
    )
    expect(explainTabs({ own: tab, other: { ...tab, holds: 3 } })).toMatch(/^The tabs stand at generations 2 and 3/)
    expect(explainTabs({ own: tab, other: { ...tab, presented: undefined } })).toMatch(/^One tab refreshed/)
  })
})
