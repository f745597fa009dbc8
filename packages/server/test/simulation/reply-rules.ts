import { isDeepStrictEqual } from 'node:util'
import type { Peeked } from '../../src/tokens/peek-session.ts'
import type { Refreshed, RefreshRefused } from '../../src/tokens/refresh-session.ts'
import type { Heart } from './heart.ts'
import type { Course, SimulatedRequest } from './request.ts'
import { accessSeconds, isDueToRotate } from './store-rules.ts'
import type { Judge, Truth } from './truth.ts'

/** Reasons after which the holder keeps its credential. */
const passing = ['wrong_client', 'key_not_loaded', 'deadline', 'contended', 'superseded', 'rotation_required']

/** What must hold whenever a node answers. */
export type ReplyRules = (
  answered: { readonly request: SimulatedRequest; readonly course: Course },
  reply: Refreshed | Peeked | RefreshRefused,
) => void

/** Answers are held against the truth, and against what the request has written. */
export function createReplyRules(options: {
  readonly heart: Heart
  readonly judge: Judge
  readonly truth: Truth
}): ReplyRules {
  const { heart, judge, truth } = options

  function checkAnswer(request: SimulatedRequest, course: Course, reply: Refreshed | Peeked): void {
    judge.require(request.stranger === undefined, 'no stranger effect: a stranger was answered')
    const mints: readonly string[] = reply.kind === 'peeked' ? ['peek'] : ['move', 'repeat']
    const wrote = course.writes.some((kind) => mints.includes(kind))
    judge.require(wrote, 'order: an answer without a committed write of its own')
    const { idleExpiresAt, absoluteExpiresAt } = reply.session
    const decidedAt = course.seen?.now ?? Number.NaN
    for (const access of reply.accessTokens) {
      const payload = Buffer.from(access.split('.')[1] ?? '', 'base64url').toString()
      const claims: Readonly<Record<'iat' | 'iat_ms' | 'exp', number>> = JSON.parse(payload)
      const { iat, exp } = claims
      judge.require(iat * 1000 + claims.iat_ms === decidedAt, 'order: iat is not the instant of the decision')
      judge.require(exp <= iat + accessSeconds, 'order: an access token outlives its decision')
      const end = Math.min(idleExpiresAt, absoluteExpiresAt)
      judge.require(exp * 1000 <= end, 'order: an access token outlives its session')
      truth.lastExpiry = Math.max(truth.lastExpiry, exp)
    }
    if (reply.kind === 'peeked') return
    const named = heart.tokens.parseRefreshToken(reply.refreshToken)?.generation
    judge.require(named === reply.session.generation, 'one chain: the answer names another generation')
    checkConvergence(course, reply)
  }

  /** All answers between two rotations carry the same token. What a lost history answered is no measure for the next. */
  function checkConvergence({ seen }: Course, { session, refreshToken }: Refreshed): void {
    if (seen?.rolledBack !== truth.rolledBack) return
    const { generation } = session
    const earlier = truth.answered.get(generation) ?? refreshToken
    judge.require(earlier === refreshToken, `convergence: two different tokens of generation ${generation}`)
    truth.answered.set(generation, refreshToken)
  }

  /** Whether the reason of a refusal is true. */
  function isTrue(reason: string, request: SimulatedRequest, course: Course): boolean {
    const { seen } = course
    switch (reason) {
      case 'unknown_token':
        return request.stranger === 'forged'
      case 'wrong_client':
        return request.stranger === 'other client'
      case 'key_not_loaded':
        return course.keyMissing
      case 'deadline':
        return seen?.late === true
      case 'contended':
        return course.lostWrites === 3
      case 'superseded':
        return seen?.expected.startsWith('superseded') === true
      case 'rotation_required':
        return request.kind === 'peek' && seen !== undefined && isDueToRotate(seen)
      case 'idle_expired':
      case 'absolute_expired':
        return seen?.expired === reason
      default:
        return seen?.ended === reason || (reason === 'replay' && course.writes.includes('verdict'))
    }
  }

  function checkRefusal(request: SimulatedRequest, course: Course, reply: RefreshRefused): void {
    const reason = reply.refusal.reason ?? reply.refusal.error
    const wrote = course.writes.filter((kind) => kind !== 'verdict').length
    judge.require(wrote === 0 || course.uncertain, `refusals: ${reason}, yet it wrote`)
    judge.require(isTrue(reason, request, course), `refusals: ${reason} is not true`)
    judge.require(
      reply.sessionOver !== passing.includes(reason),
      `refusals: after ${reason} the holder ${reply.sessionOver ? 'forgets' : 'keeps'} its credential`,
    )
    const told: string[] = []
    if (reason === 'wrong_client') told.push('session_stranger')
    if (reason === 'superseded' && course.seen?.expected === 'superseded, reported') told.push('session_superseded_use')
    judge.require(
      isDeepStrictEqual(course.appended, told),
      `detection: refused ${reason} with the events ${course.appended.join(', ') || 'none'}`,
    )
  }

  return ({ request, course }, reply) => {
    if (reply.kind === 'refused') checkRefusal(request, course, reply)
    else checkAnswer(request, course, reply)
  }
}
