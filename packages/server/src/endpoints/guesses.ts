import type { Refusal } from '@pawl/protocol'
import type { FailureSubject, GuessedAt } from '../throttling/failure-subject.ts'
import type { Throttled, Verdict } from '../throttling/throttle.ts'
import { usernameKey } from '../users/user.ts'
import { hashersBusy, type PawlContext } from './refusal-response.ts'

/** A guess at the password of a user, known or not. */
export function passwordGuess(context: PawlContext, username: string): FailureSubject {
  return guess(context, 'password', usernameKey(username))
}

/** A guess at the secret of a client, known or not. */
export function clientSecretGuess(context: PawlContext, clientId: string): FailureSubject {
  return guess(context, 'client_secret', clientId)
}

/** A guess at the code that a device shows, by a user who is signed in. */
export function userCodeGuess(context: PawlContext, userId: string): FailureSubject {
  return guess(context, 'user_code', userId)
}

/** One more registration from the same place: as many as wrong secrets are free, and from there on they are spaced out. */
export function clientRegistrationFrom(context: PawlContext): FailureSubject {
  return guess(context, 'client_registration', '')
}

function guess(context: PawlContext, guessedAt: GuessedAt, claimed: string): FailureSubject {
  return { guessedAt, claimed, address: context.get('clientAddress') }
}

/** What an answer about a password says about the guess. What was not checked for want of time says nothing. */
export function judgePassword(outcome: string): Verdict {
  if (outcome === 'busy') return 'undecided'
  return outcome === 'invalid_credentials' ? 'wrong' : 'right'
}

/** What a request is told that the throttle did not let through. */
export function throttledRefusal({ kind, retryAfterSeconds }: Throttled): Refusal {
  return kind === 'crowded'
    ? hashersBusy
    : { error: 'too_many_requests', reason: 'too_many_failures', retryAfterSeconds }
}
