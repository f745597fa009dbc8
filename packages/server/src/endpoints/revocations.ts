import { revocationFeedScope } from '@pawl/protocol'
import type { Logger } from 'pino'
import type { FeedReport } from '../revocations/revocation-feed.ts'
import { checkAccessToken } from '../tokens/check-access-token.ts'
import { presentedBearer } from './first-party/credentials.ts'
import type { Metrics } from './metrics.ts'
import { challenge, type PawlContext, refuse } from './refusal-response.ts'
import type { Services } from './services.ts'

/** Events have to arrive as they are sent: nobody in between may keep, gather or compress them. */
const headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'private, no-store, no-transform',
  'CDN-Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
} as const

/**
 * `GET /revocations`: what ended, as server-sent events. Everything that has not expired first, or what came after
 * `Last-Event-ID`; then each end as it happens, until somebody breaks off, the access token expires or the server stops.
 */
export async function revocations(context: PawlContext, services: Services): Promise<Response> {
  const right = await judgeRight(context, services)
  if (right.kind === 'answered') return right.response
  if (context.req.method === 'HEAD') return context.body(null, 200, headers)
  const stream = await services.feed.subscribe({
    lastEventId: context.req.header('last-event-id'),
    endsAt: right.endsAt,
    requestId: context.get('requestId'),
  })
  if (stream === 'ended') {
    return refuse(context, { error: 'temporarily_unavailable', reason: 'draining', retryAfterSeconds: 1 })
  }
  if (stream === 'full') {
    return refuse(context, { error: 'temporarily_unavailable', reason: 'too_many_readers', retryAfterSeconds: 5 })
  }
  context.set('outcome', 'reading')
  return context.body(stream, 200, headers)
}

/** Tells logs and metrics of what the feed does. */
export function feedReport(metrics: Metrics, logger: Logger): FeedReport {
  return {
    step: ({ entries }, ageMilliseconds) => metrics.countRevocations(entries.length, ageMilliseconds / 1000),
    dropped: (requestId) => {
      metrics.countDroppedReader()
      logger.warn({ requestId }, 'a reader of the revocation feed took nothing for 30 seconds and was let go')
    },
    failed: (error) => logger.error({ err: error }, 'a reader of the revocation feed could not be served'),
  }
}

/** The right to read, and until when (milliseconds since 1970) it lasts. */
type Right =
  | { readonly kind: 'granted'; readonly endsAt: number | undefined }
  | { readonly kind: 'answered'; readonly response: Response }

/** Where the setting asks for a token: one of this issuer, for this server, with the scope for it (RFC 6750). */
async function judgeRight(context: PawlContext, services: Services): Promise<Right> {
  const { settings, tokens, findClient } = services
  if (settings.revocations === 'open') return { kind: 'granted', endsAt: undefined }
  const answered = (...refusal: Parameters<typeof challenge>): Right => ({
    kind: 'answered',
    response: challenge(...refusal),
  })
  const realm = settings.issuer
  const access = presentedBearer(context)
  if (access.kind === 'none') {
    return answered(context, realm, { error: 'authentication_required' }, revocationFeedScope)
  }
  if (access.kind === 'malformed') return answered(context, realm, { error: 'invalid_token', reason: 'malformed' })
  const audience = [settings.issuer, settings.audience]
  const check = await checkAccessToken(access.tokens[0] ?? '', { issuer: settings.issuer, audience }, tokens)
  if (check.kind === 'refused') return answered(context, realm, { error: 'invalid_token', reason: check.reason })
  const { claims, standing } = check
  if (standing === undefined && (await findClient(claims.client_id)) === undefined) {
    return answered(context, realm, { error: 'invalid_token', reason: 'client_removed' })
  }
  const scopes = claims.scope?.split(' ') ?? []
  if (!scopes.includes(revocationFeedScope)) {
    return answered(context, realm, { error: 'insufficient_scope', reason: 'missing_scope' }, revocationFeedScope)
  }
  return { kind: 'granted', endsAt: claims.exp * 1000 }
}
