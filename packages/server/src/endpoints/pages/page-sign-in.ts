import { judgeOrigin } from '../first-party/cross-site-rule.ts'
import { checkPassword } from '../password-check.ts'
import type { PawlContext } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import type { PageContent } from './page-frame.ts'
import { carriesPageCookie, type PageSession, startPageSession } from './page-session.ts'

/** What came of the form of a sign-in page. */
export type PageSignIn =
  | { readonly kind: 'signed-in'; readonly person: PageSession }
  | {
      readonly kind: 'refused'
      /** The username as it was typed. */
      readonly username: string
      readonly complaint: string
      readonly status: PageContent['status']
    }

/** Signs in who filled in the form of a sign-in page, or says what to tell him. */
export async function signInByForm(
  context: PawlContext,
  services: Services,
  form: URLSearchParams,
): Promise<PageSignIn> {
  const username = form.get('username')?.slice(0, 256) ?? ''
  const password = form.get('password')?.slice(0, 4096) ?? ''
  const checked = await checkPassword(context, services, { username, password })
  const person = checked.kind === 'right' ? await startPageSession(context, services, checked) : undefined
  if (person !== undefined) return { kind: 'signed-in', person }
  const { texts } = services.pages.frame
  const { error, retryAfterSeconds } = checked.kind === 'refused' ? checked.refusal : { error: 'invalid_credentials' }
  if (retryAfterSeconds !== undefined) context.header('Retry-After', String(retryAfterSeconds))
  const complaints: Readonly<Record<string, Pick<PageContent, 'status'> & { readonly complaint: string }>> = {
    temporarily_unavailable: { complaint: texts.tryAgainSoon, status: 503 },
    too_many_requests: { complaint: texts.tooManyFailures(retryAfterSeconds ?? 1), status: 429 },
  }
  const found = complaints[error] ?? { complaint: texts.wrongCredentials, status: 401 }
  return { kind: 'refused', username, ...found }
}

/**
 * Whether a form comes from a page of this server. It is believed by its proof, which no other site can read; while nobody
 * is signed in there is nothing to be proven yet, and the browser's word on where it comes from decides.
 *
 * @param proven whether it bore a proof of the session at the pages
 */
export function comesFromHere(context: PawlContext, services: Services, proven: boolean): boolean {
  const refusal = judgeOrigin({
    secFetchSite: context.req.header('sec-fetch-site'),
    origin: context.req.header('origin'),
    carriesOurCookies: carriesPageCookie(context, services),
    explicitCredential: proven,
    trustedOrigins: new Set([services.settings.issuerOrigin]),
  })
  return refusal === undefined
}
