import type { Refusal } from '@pawl/protocol'
import type { z } from 'zod'
import type { Device } from '../../security-events/security-event.ts'
import type { PawlContext } from '../refusal-response.ts'
import { readJson } from '../request-body.ts'
import type { Services } from '../services.ts'
import { judgeOrigin } from './cross-site-rule.ts'
import { type RequestCookies, readCookies } from './session-cookies.ts'

/** A state-changing request to `/auth/*`, read and found to come from where it should. */
export interface UnsafeRequest<Body> {
  readonly kind: 'read'
  readonly body: Body
  readonly cookies: RequestCookies
  readonly device: Device
}

/**
 * Reads the body and applies the cross-site rule; in this order, for a credential in the body frees a request from the
 * rule. Yet a foreign page learns nothing of its body's faults: it is told 403 first.
 */
export async function readUnsafeRequest<Schema extends z.ZodType>(
  context: PawlContext,
  services: Services,
  schema: Schema,
  hasCredential: (body: z.infer<Schema>) => boolean,
): Promise<UnsafeRequest<z.infer<Schema>> | { readonly kind: 'refused'; readonly refusal: Refusal }> {
  const { req } = context
  const reading = await readJson(req.raw, schema)
  const cookies = readCookies(req.header('cookie'), services.cookies)
  const inHeader = req.header('authorization') !== undefined
  const refusal = judgeOrigin({
    secFetchSite: req.header('sec-fetch-site'),
    origin: req.header('origin'),
    carriesOurCookies: cookies.any,
    explicitCredential: inHeader || (reading.kind === 'read' && hasCredential(reading.value)),
    trustedOrigins: services.trustedOrigins,
  })
  if (refusal?.reason === 'untrusted_origin') explainOrigin(context, services)
  if (refusal !== undefined) return { kind: 'refused', refusal }
  if (reading.kind === 'refused') return reading
  return { kind: 'read', body: reading.value, cookies, device: deviceOf(context) }
}

/**
 * Says to the operator what the sender is not told: which origin came, which are trusted, and what to set if that is wrong
 * (T27.1). An origin is no secret; a forged one is cut, so that it cannot fill the log.
 */
function explainOrigin(context: PawlContext, services: Services): void {
  const got = context.req.header('origin')?.slice(0, 256) ?? null
  services.logger.warn(
    { requestId: context.get('requestId'), got, expected: [...services.trustedOrigins] },
    'a page of an untrusted origin was refused; if it is yours, add its origin to PAWL_TRUSTED_ORIGINS, or set ' +
      'PAWL_ISSUER to the address under which people reach this server',
  )
}

/** Who asks, as far as the connection tells. */
export function deviceOf(context: PawlContext): Device {
  const userAgent = context.req.header('user-agent')
  return { address: context.get('clientAddress'), userAgent: userAgent === undefined ? null : userAgent.slice(0, 256) }
}
