import { z } from 'zod'
import { judgePassword, passwordGuess, throttledRefusal } from '../guesses.ts'
import { hashersBusy, type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { requireSession } from './credentials.ts'
import { readUnsafeRequest } from './unsafe-request.ts'

const passwordBody = z.object({
  current_password: z.string().min(1).max(4096),
  new_password: z.string().max(16_384),
})

/** `POST /auth/password`: sets a new password and ends the user's other sessions in the same transaction. */
export async function changePassword(context: PawlContext, services: Services): Promise<Response> {
  const request = await readUnsafeRequest(context, services, passwordBody, () => false)
  if (request.kind === 'refused') return refuse(context, request.refusal)
  const signedIn = await requireSession(context, services, true)
  if (signedIn.kind === 'answered') return signedIn.response
  const { session, user } = signedIn.standing
  // Counted together with sign-ins, so that a stolen access token is no second way of guessing.
  const tried = await services.throttle.guess(
    passwordGuess(context, user.username),
    () =>
      services.accounts.changePassword({
        userId: session.userId,
        currentPassword: request.body.current_password,
        newPassword: request.body.new_password,
        keepSession: session.id,
        device: request.device,
      }),
    // A new password that the rules refuse comes after a current one that was right.
    ({ outcome }) => judgePassword(outcome),
  )
  if (tried.kind !== 'tried') return refuse(context, throttledRefusal(tried))
  const changed = tried.outcome
  switch (changed.outcome) {
    case 'changed':
      context.set('outcome', 'password_changed')
      return context.body(null, 204)
    case 'busy':
      return refuse(context, hashersBusy)
    case 'invalid_credentials':
      return refuse(context, { error: 'invalid_credentials' })
    case 'password_refused':
      return refuse(context, { error: 'password_refused', reason: changed.reason })
  }
}
