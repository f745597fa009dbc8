import { describe, expect, test } from 'vitest'
import { formatMirroredAttempt, parseMirroredAttempt } from '../src/cookies.ts'

const mirrored = { sessionId: 'a'.repeat(22), generation: 7, attemptId: '0123456789abcdef01234567' }

describe('the mirrored attempt id', () => {
  test('is read as it was written', () => {
    expect(parseMirroredAttempt(formatMirroredAttempt(mirrored))).toEqual(mirrored)
  })

  test('is nothing in any other form', () => {
    const text = formatMirroredAttempt(mirrored)
    for (const other of [
      '',
      `${text}.`,
      text.slice(1),
      text.replace('.7.', '.07.'),
      text.replace('.7.', '.9999999999999999.'),
    ])
      expect(parseMirroredAttempt(other)).toBeUndefined()
    expect(parseMirroredAttempt(formatMirroredAttempt({ ...mirrored, attemptId: 'short' }))).toBeUndefined()
  })
})
