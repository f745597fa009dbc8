import type { ClientRecord } from '../../registered-clients/client.ts'
import { clientSecretGuess, throttledRefusal } from '../guesses.ts'
import { type PawlContext, refuse } from '../refusal-response.ts'
import { type FormParameters, readForm } from '../request-body.ts'
import type { Services } from '../services.ts'

/** A form request of an authenticated client, or the answer that says otherwise. */
export type ClientRequest =
  | { readonly kind: 'authenticated'; readonly client: ClientRecord; readonly form: FormParameters }
  | { readonly kind: 'answered'; readonly response: Response }

/** Reads the form and authenticates the client, once, for every endpoint that clients call. */
export async function readClientRequest(context: PawlContext, services: Services): Promise<ClientRequest> {
  const form = await readForm(context.req.raw)
  if (form.kind === 'refused') return { kind: 'answered', response: refuse(context, form.refusal) }
  const authenticated = await services.authenticateClient({
    authorization: context.req.header('authorization'),
    parameters: { getAll: (name) => [...form.value.all(name)] },
  })
  const { throttle } = services
  if (authenticated.ok) {
    const { client } = authenticated
    // A client without a secret has proven nothing.
    if (client.authentication !== 'none') await throttle.succeeded(clientSecretGuess(context, client.id))
    return { kind: 'authenticated', client, form: form.value }
  }
  const { error, reason, challenge, claimedClientId } = authenticated
  const throttled =
    claimedClientId === undefined ? undefined : await throttle.failed(clientSecretGuess(context, claimedClientId))
  if (throttled !== undefined) return { kind: 'answered', response: refuse(context, throttledRefusal(throttled)) }
  // A client that used the Authorization header is answered with the matching challenge (RFC 6749 section 5.2).
  const headers: Record<string, string> = challenge
    ? { 'WWW-Authenticate': `Basic realm="${services.settings.issuer}"` }
    : {}
  return { kind: 'answered', response: refuse(context, { error, ...(reason !== undefined && { reason }) }, headers) }
}
