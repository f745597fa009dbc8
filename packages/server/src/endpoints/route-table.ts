import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { apiDescription } from './api-description/document.ts'
import { listConsents, withdrawConsent } from './first-party/consents.ts'
import { changePassword } from './first-party/password.ts'
import { refresh } from './first-party/refresh.ts'
import { currentSession, endOneSession, listSessions } from './first-party/sessions.ts'
import { login, register } from './first-party/sign-in.ts'
import { logout, logoutEverywhere } from './first-party/sign-out.ts'
import { live, metrics, ready } from './health.ts'
import { authorize, authorizeByForm } from './oauth/authorize.ts'
import { decideByForm, showDevice } from './oauth/device.ts'
import { authorizeDevice } from './oauth/device-authorization.ts'
import { introspect } from './oauth/introspect.ts'
import { logoutByClient, logoutByForm } from './oauth/logout.ts'
import { publicMaxAge, serverMetadata } from './oauth/metadata.ts'
import { pushAuthorizationRequest } from './oauth/par.ts'
import { readRegistration, registerClient, withdrawRegistration } from './oauth/register-client.ts'
import { revoke } from './oauth/revoke.ts'
import { token } from './oauth/token.ts'
import { userinfo } from './oauth/userinfo.ts'
import { type PawlContext, refuse } from './refusal-response.ts'
import { answerFault, observe, secure } from './request-surroundings.ts'
import { revocations } from './revocations.ts'
import type { RequestEnvironment, Services } from './services.ts'

type Handler = (context: PawlContext, services: Services) => Response | Promise<Response>

const largestBody = 64 * 1024

/** Every path of the server on one screen, below the issuer's path. */
export const routes: readonly {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly handler: Handler
}[] = [
  { method: 'POST', path: '/auth/login', handler: login },
  { method: 'POST', path: '/auth/register', handler: register },
  { method: 'POST', path: '/auth/refresh', handler: refresh },
  { method: 'POST', path: '/auth/logout', handler: logout },
  { method: 'POST', path: '/auth/logout-everywhere', handler: logoutEverywhere },
  { method: 'POST', path: '/auth/password', handler: changePassword },
  { method: 'GET', path: '/auth/session', handler: currentSession },
  { method: 'GET', path: '/auth/sessions', handler: listSessions },
  {
    method: 'DELETE',
    path: '/auth/sessions/:id',
    handler: (context, services) => endOneSession(context, services, context.req.param('id') ?? ''),
  },
  { method: 'GET', path: '/auth/consents', handler: listConsents },
  {
    method: 'DELETE',
    path: '/auth/consents/:id',
    handler: (context, services) => withdrawConsent(context, services, context.req.param('id') ?? ''),
  },
  { method: 'GET', path: '/oauth/authorize', handler: authorize },
  { method: 'POST', path: '/oauth/authorize', handler: authorizeByForm },
  { method: 'POST', path: '/oauth/device_authorization', handler: authorizeDevice },
  { method: 'GET', path: '/oauth/device', handler: showDevice },
  { method: 'POST', path: '/oauth/device', handler: decideByForm },
  { method: 'POST', path: '/oauth/par', handler: pushAuthorizationRequest },
  { method: 'GET', path: '/oauth/logout', handler: logoutByClient },
  { method: 'POST', path: '/oauth/logout', handler: logoutByForm },
  { method: 'POST', path: '/oauth/token', handler: token },
  { method: 'POST', path: '/oauth/revoke', handler: revoke },
  { method: 'POST', path: '/oauth/introspect', handler: introspect },
  { method: 'GET', path: '/oauth/userinfo', handler: userinfo },
  { method: 'POST', path: '/oauth/userinfo', handler: userinfo },
  { method: 'POST', path: '/oauth/register', handler: registerClient },
  { method: 'GET', path: '/oauth/register/:id', handler: readRegistration },
  { method: 'DELETE', path: '/oauth/register/:id', handler: withdrawRegistration },
  { method: 'GET', path: '/oauth/jwks', handler: async (context, { keys }) => publicJson(context, await keys.jwks()) },
  {
    method: 'GET',
    path: '/.well-known/oauth-authorization-server',
    handler: (context, { settings }) => publicJson(context, serverMetadata(settings)),
  },
  {
    method: 'GET',
    path: '/.well-known/openid-configuration',
    handler: (context, { settings }) => publicJson(context, serverMetadata(settings)),
  },
  {
    method: 'GET',
    path: '/openapi.json',
    handler: (context, { settings }) => publicJson(context, apiDescription(settings)),
  },
  { method: 'GET', path: '/revocations', handler: revocations },
  { method: 'GET', path: '/health/live', handler: live },
  { method: 'GET', path: '/health/ready', handler: ready },
  { method: 'GET', path: '/metrics', handler: metrics },
]

/** Routes that people see. */
const pages: ReadonlySet<string> = new Set(['/oauth/authorize', '/oauth/device', '/oauth/logout'])

/** Answers a request whose path lies below the issuer's. */
export type Answer = (request: Request, connection: { readonly remoteAddress: string | undefined }) => Promise<Response>

/** Puts the routes into one handler. */
export function createAnswer(services: Services): Answer {
  const app = new Hono<RequestEnvironment>()
  app.use(observe(services))
  app.use(secure(services))
  const { basePath } = services.settings
  app.use(`${basePath}/auth/*`, credentialedCors(services))
  const open = openCors()
  // A browser is sent to a page and back; no script of another site may ask in its place (standards G-7).
  app.use(`${basePath}/oauth/*`, (context, next) =>
    pages.has(context.req.path.slice(basePath.length)) ? next() : open(context, next),
  )
  app.use(`${basePath}/openapi.json`, open)
  app.use('/.well-known/*', open)
  app.use(`${basePath}/.well-known/*`, open)
  app.use(limitBody())

  const mounted = routes.flatMap((route) => pathsOf(route.path, basePath).map((path) => ({ ...route, path })))
  for (const { method, path, handler } of mounted) app.on(method, path, (context) => handler(context, services))
  for (const [path, known] of Map.groupBy(mounted, (route) => route.path)) {
    const methods = known.map((route) => route.method)
    const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods
    app.all(path, (context) => refuse(context, { error: 'method_not_allowed' }, { Allow: allowed.join(', ') }))
  }
  app.onError(answerFault(services))
  app.notFound((context) => refuse(context, { error: 'not_found' }))
  return async (request, connection) => app.fetch(request, connection)
}

/** RFC 8414 section 3.1 puts the well-known part before the issuer's path; clients try it after the path, too (MD-1). */
function pathsOf(path: string, basePath: string): readonly string[] {
  const inserted = basePath !== '' && path.startsWith('/.well-known/')
  return inserted ? [basePath + path, path + basePath] : [basePath + path]
}

function publicJson(context: PawlContext, document: object): Response {
  context.header('Cache-Control', `public, max-age=${publicMaxAge}`)
  return context.json(document)
}

const exposedHeaders = ['WWW-Authenticate', 'Retry-After', 'X-Request-Id']
const exposed = exposedHeaders.join(',')

/** Preflights are answered by the framework; every other answer only gets its two or three headers. */
const preflight = {
  allowMethods: ['GET', 'POST', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type'],
  exposeHeaders: exposedHeaders,
  maxAge: 600,
}

/** `/auth/*` answers trusted origins, with cookies; nobody else gets a CORS header. */
function credentialedCors({ trustedOrigins }: Services): MiddlewareHandler<RequestEnvironment> {
  const forTrusted = cors({ ...preflight, origin: [...trustedOrigins], credentials: true })
  return async (context, next) => {
    const origin = context.req.header('origin') ?? ''
    const isTrusted = trustedOrigins.has(origin)
    if (isTrusted && context.req.method === 'OPTIONS') return forTrusted(context, next)
    await next()
    // Into the answer's own headers: the framework's way would make a new answer of it, with a stream for a body.
    const { headers } = context.res
    headers.append('Vary', 'Origin')
    if (!isTrusted) return
    headers.set('Access-Control-Allow-Origin', origin)
    headers.set('Access-Control-Allow-Credentials', 'true')
    headers.set('Access-Control-Expose-Headers', exposed)
  }
}

/** The OAuth endpoints take no cookie, so any origin may call them (standards G-7); never with credentials. */
function openCors(): MiddlewareHandler<RequestEnvironment> {
  const forAll = cors({ ...preflight, origin: '*' })
  return async (context, next) => {
    if (context.req.method === 'OPTIONS') return forAll(context, next)
    await next()
    const { headers } = context.res
    headers.set('Access-Control-Allow-Origin', '*')
    headers.set('Access-Control-Expose-Headers', exposed)
  }
}

/** Refuses a body that is too large. One whose length is declared is not even looked at: Node reads no more than that. */
function limitBody(): MiddlewareHandler<RequestEnvironment> {
  const onError = (context: PawlContext) => refuse(context, { error: 'payload_too_large' })
  const limited = bodyLimit({ maxSize: largestBody, onError })
  return async (context, next) => {
    const declared = context.req.header('content-length')
    const isDeclared = declared !== undefined && context.req.header('transfer-encoding') === undefined
    return isDeclared && Number(declared) <= largestBody ? next() : limited(context, next)
  }
}
