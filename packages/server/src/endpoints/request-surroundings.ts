import type { ErrorHandler, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { isClientDocumentUnavailable } from '../registered-clients/client-document-unavailable.ts'
import { isStorageUnavailable } from '../tokens/storage-unavailable.ts'
import { type PawlContext, refuse } from './refusal-response.ts'
import type { RequestEnvironment, Services } from './services.ts'

type Surrounding = MiddlewareHandler<RequestEnvironment>

/** Numbers, times, logs and counts each request. */
export function observe(services: Services): Surrounding {
  const { tokens, logger, metrics, newRequestId } = services
  return async (context, next) => {
    const requestId = newRequestId()
    const arrivedAt = tokens.monotonic()
    context.set('requestId', requestId)
    context.set('arrivedAt', arrivedAt)
    context.set('outcome', 'answered')
    context.set('clientAddress', services.clientAddress(context.env.remoteAddress, context.req.raw.headers))
    await next()
    // Not by `context.header`, which would make a new answer of it, with a stream for a body.
    context.res.headers.set('X-Request-Id', requestId)

    const seconds = (tokens.monotonic() - arrivedAt) / 1000
    const { method } = context.req
    const { status } = context.res
    const route = routePath(context, -1)
    metrics.countRequest(route, method, status, seconds)
    // The route, not the path: a path can hold what somebody pasted into it.
    logger.info(
      {
        requestId,
        method,
        route,
        status,
        outcome: context.get('outcome'),
        milliseconds: Math.round(seconds * 1e5) / 100,
      },
      'request',
    )
  }
}

/** Turns what was thrown into an answer of the error table. 5xx never means that a token is bad. */
export function answerFault({ logger }: Services): ErrorHandler<RequestEnvironment> {
  return (error, context) => {
    // Nobody is there to be answered, and no fault of ours to be told of: anyone can leave as often as they like.
    if (hasLeft(error, context.req.raw)) return refuse(context, { error: 'invalid_request', reason: 'malformed_body' })
    if (isClientDocumentUnavailable(error)) {
      // No fault of ours either: strangers choose which URLs these are.
      logger.warn({ requestId: context.get('requestId') }, error.message)
      const reason = 'client_document_unavailable'
      return refuse(context, { error: 'temporarily_unavailable', reason, retryAfterSeconds: 5 })
    }
    logger.error({ requestId: context.get('requestId'), err: error }, 'request failed')
    if (isStorageUnavailable(error)) {
      return refuse(context, { error: 'temporarily_unavailable', reason: 'storage_unavailable', retryAfterSeconds: 1 })
    }
    return refuse(context, { error: 'server_error' })
  }
}

/** Taken as it is now: an application's tests may later put timers of their own in its place, which do not run by themselves. */
const afterPolling = setImmediate

/**
 * From the end of a stream to the closed connection it takes Node several turns of the event loop: one reads the end,
 * others shut down the own side, destroy the socket and tell of it.
 */
const turnsToLearn = 10

/**
 * Whether a request's connection is closed. The system is asked in between two turns of the event loop. A timer would not
 * do: those that are due run before that, and in a process that has stood still all of them are.
 */
export async function clientHasLeft({ req }: PawlContext): Promise<boolean> {
  const { signal } = req.raw
  for (let turn = 0; turn < turnsToLearn && !signal.aborted; turn += 1) {
    await new Promise((resolve) => afterPolling(resolve))
  }
  return signal.aborted
}

/** Whether reading a body failed because its sender broke off. */
function hasLeft(error: Error, request: Request): boolean {
  const brokenOff = error.name === 'AbortError' || ('code' in error && error.code === 'ECONNRESET')
  return brokenOff && request.signal.aborted
}

/** Headers that every answer carries. Answers are private and not stored unless their endpoint says otherwise. */
export function secure(services: Services): Surrounding {
  const { secure: overTls } = services.settings
  return async (context, next) => {
    await next()
    const { headers } = context.res
    if (!headers.has('Cache-Control')) {
      // Shared caches that hand one user's cookies to another are a known disaster (T14.1), so each kind is told.
      headers.set('Cache-Control', 'private, no-store')
      headers.set('CDN-Cache-Control', 'no-store')
    }
    headers.set('X-Content-Type-Options', 'nosniff')
    headers.set('Referrer-Policy', 'no-referrer')
    headers.set('X-Frame-Options', 'DENY')
    // Pages have a policy of their own, no less strict.
    if (!headers.has('Content-Security-Policy'))
      headers.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
    if (overTls) headers.set('Strict-Transport-Security', 'max-age=31536000; includeSubDomains')
  }
}
