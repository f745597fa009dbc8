import type { ErrorCode } from '@pawl/protocol'
import { issueCode } from '../../authorizations/authorization-code.ts'
import {
  type AnswerPlace,
  type AuthorizationReading,
  type AuthorizationRequest,
  readAuthorizationRequest,
} from '../../authorizations/authorization-request.ts'
import { allows, mayBeRemembered, rememberConsent } from '../../authorizations/consent.ts'
import type { ProofSubject } from '../../authorizations/page-proof.ts'
import { findPushedRequest, isPushedUri, type PushedRequest } from '../../authorizations/pushed-request.ts'
import { redirectPlace, withParameters } from '../../authorizations/redirect-uri.ts'
import { deviceOf } from '../first-party/unsafe-request.ts'
import { consentPage, errorPage, errorParameters, signInPage } from '../pages/authorization-pages.ts'
import { clientTitle } from '../pages/client-title.ts'
import { endPageSessions, findPageSession, type PageSession } from '../pages/page-session.ts'
import { comesFromHere, signInByForm } from '../pages/page-sign-in.ts'
import type { PawlContext } from '../refusal-response.ts'
import { readPageForm } from '../request-body.ts'
import type { Services } from '../services.ts'
import { authorizationRules } from './authorization-rules.ts'

/** Longest query that a request may have, in characters: proxies cut longer ones off. */
const longestQuery = 8_192

/** Name of the parameter that this server adds to its own URL once somebody has signed in for the request. */
const continued = 'signed_in'

/** One visit of a browser: what it asks for, who is there, and what binds the two. */
interface Visit {
  readonly context: PawlContext
  readonly services: Services
  /** The parameters of the address, all but this server's own. */
  readonly parameters: URLSearchParams
  /** What is asked for, where the client sent it ahead (RFC 9126). */
  readonly pushed: PushedRequest | undefined
  readonly person: PageSession | undefined
  /** The store's instant, in milliseconds. */
  readonly now: number
}

/** `GET /oauth/authorize` (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2). */
export async function authorize(context: PawlContext, services: Services): Promise<Response> {
  const query = new URL(context.req.url).searchParams
  const proof = query.get(continued)
  query.delete(continued)
  if (query.toString().length > longestQuery) return tooLong(context, services)
  const visit = await visitOf(context, services, query)
  const reading = await read(visit)
  if (reading.kind === 'unanswerable') return unanswerable(visit, reading)
  if (reading.kind === 'faulty') {
    // Who is sent on without having been asked for anything was sent by whoever made the link (standards AZ-6).
    if (reading.silent || visit.person !== undefined) return sendError(visit, reading.place, reading.error)
    return askSignIn(visit, reading.place)
  }
  const { request } = reading
  const silent = request.prompts.has('none')
  const justSignedIn = services.pages.proofs.holds(proof, subjectOf(visit, 'signed_in'), visit.now)
  if (visit.person === undefined || (!justSignedIn && mustSignInAgain(request, visit.person, visit.now))) {
    return silent ? sendError(visit, request, 'login_required') : askSignIn(visit, request)
  }
  const { user } = visit.person
  const consent = await services.consents.findConsent(user.id, request.client.id)
  const allowed = mayBeRemembered(request) && !request.prompts.has('consent') && allows(consent, request)
  if (allowed) return sendCode(visit, request, visit.person)
  return silent ? sendError(visit, request, 'consent_required') : askConsent(visit, request, user.username)
}

/**
 * `POST /oauth/authorize`: a form of one of its pages, told by the name of its step; or a request that a client makes by
 * POST (standards AZ-1), which becomes one by GET, so that reloading its page sends nothing again.
 */
export async function authorizeByForm(context: PawlContext, services: Services): Promise<Response> {
  const form = await readPageForm(context.req.raw)
  if (form.kind === 'refused') {
    return errorPage(context, services.pages.frame, { error: 'invalid_request', fault: 'request', status: 400 })
  }
  const step = form.value.get('step')
  const query = step === null ? form.value : new URL(context.req.url).searchParams
  query.delete(continued)
  if (query.toString().length > longestQuery) return tooLong(context, services)
  const visit = await visitOf(context, services, query)
  if (step === null) return context.redirect(ownUrl(visit), 303)

  const proven = services.pages.proofs.holds(form.value.get('proof'), subjectOf(visit, 'form'), visit.now)
  if (!comesFromHere(context, services, proven && visit.person !== undefined)) {
    return errorPage(context, services.pages.frame, { error: 'csrf_rejected', fault: 'origin', status: 403 })
  }
  if (step === 'sign-out') {
    await endPageSessions(context, services, 'logout')
    return context.redirect(ownUrl(visit), 303)
  }
  const reading = await read(visit)
  if (reading.kind === 'unanswerable') return unanswerable(visit, reading)
  const place = reading.kind === 'request' ? reading.request : reading.place
  if (step === 'sign-in') return signIn(visit, place, form.value)
  // A page that lay open too long, or whose person has changed, is asked for again.
  if (!proven || reading.kind !== 'request' || visit.person === undefined) return context.redirect(ownUrl(visit), 303)
  if (form.value.has('deny')) return sendError(visit, place, 'access_denied')
  const { request } = reading
  await rememberConsent({ request, userId: visit.person.user.id, device: deviceOf(context), now: visit.now }, services)
  return sendCode(visit, request, visit.person)
}

async function visitOf(context: PawlContext, services: Services, parameters: URLSearchParams): Promise<Visit> {
  const person = await findPageSession(context, services)
  const [requestUri, clientId] = [parameters.get('request_uri'), parameters.get('client_id')]
  const pushed = requestUri === null ? undefined : await findPushedRequest(requestUri, clientId, services.tickets)
  return { context, services, parameters, pushed, person, now: await services.tokens.clock.storeNow() }
}

async function read({ services, parameters, pushed }: Visit): Promise<AuthorizationReading> {
  const requestUri = parameters.get('request_uri')
  // Who may be answered stands in the pushed request, so there is no answer to one that does not count (standards PA-2).
  if (requestUri !== null && isPushedUri(requestUri) && pushed === undefined) {
    return { kind: 'unanswerable', error: 'invalid_request_uri', fault: 'request' }
  }
  return readAuthorizationRequest(pushed?.parameters ?? parameters, authorizationRules(services))
}

function subjectOf({ parameters, person }: Visit, purpose: ProofSubject['purpose']): ProofSubject {
  return { purpose, sessionId: person?.session.id ?? '', request: parameters.toString() }
}

/** The same request at this server's own address, which is known by the issuer and never by what the browser says. */
function ownUrl({ services, parameters }: Visit, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams([...parameters, ...Object.entries(more)])
  return `${services.settings.issuer}/oauth/authorize?${query}`
}

function mustSignInAgain(request: AuthorizationRequest, { session }: PageSession, now: number): boolean {
  if (request.prompts.has('login') || request.prompts.has('select_account')) return true
  return request.maxAge !== undefined && now - session.createdAt > request.maxAge * 1000
}

function askSignIn(
  visit: Visit,
  place: AnswerPlace,
  more: Partial<Parameters<typeof signInPage>[2]> = {},
): Promise<Response> {
  const { context, services, now } = visit
  const asked = visit.pushed?.parameters ?? visit.parameters
  context.set('outcome', 'asked_to_sign_in')
  return signInPage(context, services.pages.frame, {
    purpose: services.pages.frame.texts.signInTo(clientTitle(place.client)),
    leadsTo: redirectPlace(place.redirectUri).policySource,
    proof: services.pages.proofs.make(subjectOf(visit, 'form'), now),
    username: asked.get('login_hint')?.slice(0, 256) ?? '',
    ...more,
  })
}

async function signIn(visit: Visit, place: AnswerPlace, form: URLSearchParams): Promise<Response> {
  const { context, services } = visit
  const outcome = await signInByForm(context, services, form)
  if (outcome.kind === 'refused') return askSignIn(visit, place, outcome)
  context.set('outcome', 'signed_in')
  const subject = subjectOf({ ...visit, person: outcome.person }, 'signed_in')
  return context.redirect(ownUrl(visit, { [continued]: services.pages.proofs.make(subject, visit.now) }), 303)
}

function askConsent(visit: Visit, request: AuthorizationRequest, username: string): Promise<Response> {
  const { context, services, now } = visit
  const { client } = request
  context.set('outcome', 'asked_for_consent')
  const refreshes = client.grants.includes('refresh_token')
  return consentPage(context, services.pages.frame, {
    request,
    username,
    proof: services.pages.proofs.make(subjectOf(visit, 'form'), now),
    seconds: refreshes ? services.settings.absoluteSeconds : (client.accessSeconds ?? services.settings.accessSeconds),
  })
}

/** `iss` goes with every answer, good or bad (RFC 9207 section 2, standards AZ-7). */
async function sendCode(visit: Visit, request: AuthorizationRequest, { session }: PageSession): Promise<Response> {
  const { context, services, now } = visit
  const { tickets, tokens, settings } = services
  const pushed = visit.pushed && { pushed: visit.pushed.hash }
  const code = await issueCode({ request, session, now, ...pushed }, { tickets, random: tokens.random })
  if (code === undefined) return sendError(visit, request, 'invalid_request_uri')
  context.set('outcome', 'code_issued')
  const answer = { code, state: request.state, iss: settings.issuer }
  return context.redirect(withParameters(request.redirectUri, answer), 303)
}

function sendError({ context, services }: Visit, { redirectUri, state }: AnswerPlace, error: ErrorCode): Response {
  context.set('outcome', error)
  const answer = { ...errorParameters(error), state, iss: services.settings.issuer }
  return context.redirect(withParameters(redirectUri, answer), 303)
}

function unanswerable(
  { context, services }: Visit,
  { error, fault }: AuthorizationReading & { kind: 'unanswerable' },
): Promise<Response> {
  return errorPage(context, services.pages.frame, { error, fault, status: 400 })
}

function tooLong(context: PawlContext, services: Services): Promise<Response> {
  return errorPage(context, services.pages.frame, { error: 'invalid_request', fault: 'request', status: 400 })
}
