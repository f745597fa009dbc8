import { rememberConsent } from '../../authorizations/consent.ts'
import {
  type DeviceAuthorization,
  decideDevice,
  findByUserCode,
  readUserCode,
  shownUserCode,
} from '../../authorizations/device-authorization.ts'
import type { ProofSubject } from '../../authorizations/page-proof.ts'
import type { ClientRecord } from '../../registered-clients/client.ts'
import { deviceOf } from '../first-party/unsafe-request.ts'
import { userCodeGuess } from '../guesses.ts'
import { errorPage, signInPage } from '../pages/authorization-pages.ts'
import { confirmDevicePage, deviceDonePage, enterCodePage } from '../pages/device-pages.ts'
import { findPageSession, type PageSession } from '../pages/page-session.ts'
import { comesFromHere, signInByForm } from '../pages/page-sign-in.ts'
import type { PawlContext } from '../refusal-response.ts'
import { readPageForm } from '../request-body.ts'
import type { Services } from '../services.ts'

/** One visit of somebody who holds a device with a code on it. */
interface Visit {
  readonly context: PawlContext
  readonly services: Services
  /** As it stands in the address. */
  readonly typed: string
  readonly person: PageSession | undefined
  /** The store's instant, in milliseconds. */
  readonly now: number
}

/** `GET /oauth/device` (RFC 8628 section 3.3): who is there, which code, and whether that is really wanted. */
export async function showDevice(context: PawlContext, services: Services): Promise<Response> {
  const visit = await visitOf(context, services, new URL(context.req.url).searchParams.get('user_code') ?? '')
  const { person, typed } = visit
  if (person === undefined) return askSignIn(visit)
  if (typed === '') return askCode(visit)
  const found = await find(visit, person)
  if (found.kind !== 'found') return found.response
  // Also where the address had the code: whoever sent the link may be somebody who wants to be let in (standards DG-4).
  return confirmDevicePage(context, services.pages.frame, {
    client: found.client,
    scope: found.device.document.scope,
    resources: found.device.document.resources,
    code: shownUserCode(readUserCode(typed) ?? ''),
    username: person.user.username,
    proof: services.pages.proofs.make(subjectOf(visit, person), visit.now),
  })
}

/** `POST /oauth/device`: a form of one of those pages. */
export async function decideByForm(context: PawlContext, services: Services): Promise<Response> {
  const form = await readPageForm(context.req.raw)
  if (form.kind === 'refused') {
    return errorPage(context, services.pages.frame, { error: 'invalid_request', fault: 'request', status: 400 })
  }
  const visit = await visitOf(context, services, new URL(context.req.url).searchParams.get('user_code') ?? '')
  const { person, now } = visit
  const proven =
    person !== undefined && services.pages.proofs.holds(form.value.get('proof'), subjectOf(visit, person), now)
  if (!comesFromHere(context, services, proven)) {
    return errorPage(context, services.pages.frame, { error: 'csrf_rejected', fault: 'origin', status: 403 })
  }
  const step = form.value.get('step')
  if (step === 'code') return goTo(visit, form.value.get('user_code')?.slice(0, 64) ?? '')
  if (step === 'sign-in') {
    const outcome = await signInByForm(context, services, form.value)
    return outcome.kind === 'signed-in' ? goTo(visit, visit.typed) : askSignIn(visit, outcome)
  }
  if (!proven || person === undefined) return goTo(visit, visit.typed)
  const found = await find(visit, person)
  if (found.kind !== 'found') return found.response
  return decide(visit, person, { ...found, allowed: !form.value.has('deny') })
}

async function decide(
  visit: Visit,
  { session, user }: PageSession,
  decision: { readonly device: DeviceAuthorization; readonly client: ClientRecord; readonly allowed: boolean },
): Promise<Response> {
  const { context, services, now } = visit
  const { device, client, allowed } = decision
  const { scope, resources } = device.document
  if (allowed) {
    const request = { client, scope, resources }
    await rememberConsent({ request, userId: user.id, device: deviceOf(context), now }, services)
  }
  if (!(await decideDevice({ device, session, allowed, now }, services.tickets))) return askCode(visit, 'spent')
  context.set('outcome', allowed ? 'device_allowed' : 'access_denied')
  return deviceDonePage(context, services.pages.frame, { allowed })
}

async function visitOf(context: PawlContext, services: Services, typed: string): Promise<Visit> {
  const person = await findPageSession(context, services)
  return { context, services, typed, person, now: await services.tokens.clock.storeNow() }
}

type Found =
  | { readonly kind: 'found'; readonly device: DeviceAuthorization; readonly client: ClientRecord }
  | { readonly kind: 'answered'; readonly response: Promise<Response> }

/** Looks a code up; what is wrong counts as a guess (standards G-11). */
async function find(visit: Visit, { user }: PageSession): Promise<Found> {
  const { context, services } = visit
  const code = readUserCode(visit.typed)
  const tried = await services.throttle.guess(
    userCodeGuess(context, user.id),
    async () => (code === undefined ? undefined : findByUserCode(code, services.tickets)),
    (device) => (device === undefined ? 'wrong' : 'right'),
  )
  if (tried.kind !== 'tried') {
    context.header('Retry-After', String(tried.retryAfterSeconds))
    return { kind: 'answered', response: askCode(visit, tried.retryAfterSeconds) }
  }
  const device = tried.outcome
  const client = device && (await services.findClient(device.ticket.clientId))
  const known = client !== undefined && device !== undefined && client.createdAt <= device.ticket.createdAt
  return known ? { kind: 'found', device, client } : { kind: 'answered', response: askCode(visit, 'spent') }
}

function subjectOf({ typed }: Visit, person: PageSession): ProofSubject {
  return { purpose: 'form', sessionId: person.session.id, request: `device?${typed}` }
}

function askSignIn(
  { context, services }: Visit,
  more: Partial<Parameters<typeof signInPage>[2]> = {},
): Promise<Response> {
  context.set('outcome', 'asked_to_sign_in')
  const { texts } = services.pages.frame
  const page = { purpose: texts.signInDevice, leadsTo: undefined, proof: '', username: '' }
  return signInPage(context, services.pages.frame, { ...page, ...more })
}

function askCode({ context, services, typed }: Visit, wrong?: 'spent' | number): Promise<Response> {
  const { texts } = services.pages.frame
  const complaint = typeof wrong === 'number' ? texts.tooManyFailures(wrong) : wrong && texts.wrongUserCode
  context.set('outcome', wrong === undefined ? 'asked_for_user_code' : 'wrong_user_code')
  const status = typeof wrong === 'number' ? 429 : wrong === undefined ? 200 : 404
  return enterCodePage(context, services.pages.frame, { typed: typed.slice(0, 64), complaint, status })
}

function goTo({ context, services }: Visit, code: string): Response {
  const query = code === '' ? '' : `?${new URLSearchParams({ user_code: code })}`
  return context.redirect(`${services.settings.issuer}/oauth/device${query}`, 303)
}
