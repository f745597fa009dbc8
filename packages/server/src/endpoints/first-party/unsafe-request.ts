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
  if (refusal !== undefined) return { kind: 'refused', refusal }
  if (reading.kind === 'refused') return reading
  return { kind: 'read', body: reading.value, cookies, device: deviceOf(context) }
}

/** Who asks, as far as the connection tells. */
export function deviceOf(context: PawlContext): Device {
  const userAgent = context.req.header('user-agent')
  return { address: context.get('clientAddress'), userAgent: userAgent === undefined ? null : userAgent.slice(0, 256) }
}
