import type { ProofSubject } from '../../authorizations/page-proof.ts'
import { redirectPlace, withParameters } from '../../authorizations/redirect-uri.ts'
import type { ClientRecord } from '../../registered-clients/client.ts'
import { endSession } from '../../tokens/end-session.ts'
import { readIdToken } from '../../tokens/id-token.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import { deviceOf } from '../first-party/unsafe-request.ts'
import { errorPage, signedOutPage, signOutPage } from '../pages/authorization-pages.ts'
import { endPageSessions, findPageSession, type PageSession } from '../pages/page-session.ts'
import type { PawlContext } from '../refusal-response.ts'
import { readPageForm } from '../request-body.ts'
import type { Services } from '../services.ts'

/** What a client's id token says of the session that is to end. */
interface Hint {
  readonly session: SessionRecord
  readonly client: ClientRecord
  readonly now: number
}

/** One visit of a browser that a client sends to sign its user out. */
interface Leaving {
  readonly context: PawlContext
  readonly services: Services
  readonly parameters: URLSearchParams
  readonly person: PageSession | undefined
  readonly hint: Hint | undefined
  /** Where the browser may go afterwards; undefined: a page says that all is done. */
  readonly returnTo: string | undefined
  readonly now: number
}

/** `GET /oauth/logout` (OpenID Connect RP-Initiated Logout section 2, standards OI-5). */
export async function logoutByClient(context: PawlContext, services: Services): Promise<Response> {
  const leaving = await leavingOf(context, services, new URL(context.req.url).searchParams)
  const { hint, person } = leaving
  // An id token shows that the wish comes from a client that the user signed in to. Anybody else's wish is asked about, or
  // every page could sign everybody out (ASVS 10.6.2).
  const believed = hint !== undefined && (person === undefined || person.user.id === hint.session.userId)
  if (believed || person === undefined) return leave(leaving)
  context.set('outcome', 'asked_to_sign_out')
  return signOutPage(context, services.pages.frame, {
    username: person.user.username,
    proof: services.pages.proofs.make(subjectOf(leaving, person), leaving.now),
    leadsTo: leaving.returnTo === undefined ? undefined : redirectPlace(leaving.returnTo).policySource,
  })
}

/** `POST /oauth/logout`: the form of its page; or a client's wish by POST, which no cookie comes with, and so ends no page. */
export async function logoutByForm(context: PawlContext, services: Services): Promise<Response> {
  const form = await readPageForm(context.req.raw)
  if (form.kind === 'refused') {
    return errorPage(context, services.pages.frame, { error: 'invalid_request', fault: 'request', status: 400 })
  }
  const ofPage = form.value.get('step') === 'sign-out'
  const parameters = ofPage ? new URL(context.req.url).searchParams : form.value
  const leaving = await leavingOf(context, services, parameters)
  const { hint, person } = leaving
  if (!ofPage) {
    if (hint !== undefined) await endHinted(leaving, hint)
    // From here on the id token has done its work, and has no place in an address.
    const wish = new URLSearchParams([...parameters].filter(([name]) => name !== 'id_token_hint'))
    if (hint !== undefined) wish.set('client_id', hint.client.id)
    return context.redirect(`${services.settings.issuer}/oauth/logout?${wish}`, 303)
  }
  if (person === undefined) return leave(leaving)
  const proven = services.pages.proofs.holds(form.value.get('proof'), subjectOf(leaving, person), leaving.now)
  if (!proven) return context.redirect(`${services.settings.issuer}/oauth/logout?${parameters}`, 303)
  if (form.value.has('deny')) return signedOutPage(context, services.pages.frame, { stayed: true })
  return leave(leaving)
}

async function leavingOf(context: PawlContext, services: Services, parameters: URLSearchParams): Promise<Leaving> {
  const person = await findPageSession(context, services)
  const hint = await readHint(parameters.get('id_token_hint'), services)
  const clientId = parameters.get('client_id')
  const named = clientId === null ? undefined : await services.findClient(clientId)
  const client = hint?.client ?? named
  const disagree = hint !== undefined && clientId !== null && clientId !== hint.client.id
  const asked = parameters.get('post_logout_redirect_uri') ?? ''
  const returnTo = !disagree && client?.redirectUris.includes(asked) === true ? asked : undefined
  const now = await services.tokens.clock.storeNow()
  return { context, services, parameters, person, hint: disagree ? undefined : hint, returnTo, now }
}

/** An id token counts when this server signed it and its session is known; that it has expired does not matter. */
async function readHint(token: string | null, services: Services): Promise<Hint | undefined> {
  const { settings, tokens, findClient } = services
  const claims = token === null ? undefined : await readIdToken(token, settings.issuer, tokens.signer)
  if (claims === undefined) return undefined
  const { session, now } = await tokens.sessions.readSession(claims.sid)
  const client = await findClient(claims.aud)
  const fits = session?.userId === claims.sub && session.clientId === claims.aud
  return fits && client !== undefined ? { session, client, now } : undefined
}

function subjectOf({ parameters }: Leaving, person: PageSession): ProofSubject {
  return { purpose: 'form', sessionId: person.session.id, request: `logout?${parameters}` }
}

/** A session that was granted `offline_access` outlives the browser's (OpenID Connect Back-Channel Logout section 2.7). */
async function endHinted({ context, services }: Leaving, { session, now }: Hint): Promise<void> {
  if (session.scope.includes('offline_access')) return
  await endSession(
    { session, now, reason: 'logout', actor: 'client', device: deviceOf(context) },
    { sessions: services.tokens.sessions },
  )
}

async function leave(leaving: Leaving): Promise<Response> {
  const { context, services, hint, returnTo, parameters } = leaving
  if (hint !== undefined) await endHinted(leaving, hint)
  await endPageSessions(context, services, 'logout')
  context.set('outcome', 'signed_out')
  if (returnTo === undefined) return signedOutPage(context, services.pages.frame, { stayed: false })
  return context.redirect(withParameters(returnTo, { state: parameters.get('state') ?? undefined }), 303)
}
