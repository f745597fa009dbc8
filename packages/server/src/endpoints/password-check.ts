import type { Refusal } from '@pawl/protocol'
import type { SessionUser } from '../tokens/session.ts'
import type { SignInOutcome } from '../users/accounts.ts'
import { judgePassword, passwordGuess, throttledRefusal } from './guesses.ts'
import { hashersBusy, type PawlContext } from './refusal-response.ts'
import type { Services } from './services.ts'

/** Whether somebody is who he says. */
export type PasswordCheck =
  | {
      readonly kind: 'right'
      readonly user: SessionUser
      /** The store's instant before the user was read: what is said of him held at it, or later. */
      readonly now: number
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Checks a password, throttled and counted, for whatever lets people sign in. */
export async function checkPassword(
  context: PawlContext,
  services: Services,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<PasswordCheck> {
  let now = 0
  const tried = await services.throttle.guess(
    passwordGuess(context, username),
    async () => {
      now = await services.tokens.clock.storeNow()
      return services.accounts.signIn({ username, password })
    },
    (outcome) => judgePassword(signInOutcome(outcome)),
  )
  services.metrics.countSignIn(tried.kind === 'tried' ? signInOutcome(tried.outcome) : tried.kind)
  if (tried.kind !== 'tried') return { kind: 'refused', refusal: throttledRefusal(tried) }
  const signedIn = tried.outcome
  if (signedIn === 'busy') return { kind: 'refused', refusal: hashersBusy }
  if (signedIn === 'invalid_credentials') return { kind: 'refused', refusal: { error: 'invalid_credentials' } }
  return { kind: 'right', user: signedIn.user, now }
}

function signInOutcome(outcome: SignInOutcome): string {
  return typeof outcome === 'string' ? outcome : 'signed_in'
}
