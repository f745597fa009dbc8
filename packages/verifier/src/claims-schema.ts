import { type AccessTokenClaims, reservedClaims, type StandardSchema } from '@pawl/protocol'
import type { ClaimsReading } from './claims-check.ts'

/**
 * Has a schema check the application's own claims: all that are not of RFC 9068 and its kin, and `roles`. What the schema
 * makes of them is what the caller sees; claims that it leaves out are gone.
 *
 * @throws TypeError for a schema that answers later: claims are judged at once
 */
export function applySchema<Own extends object>(
  claims: AccessTokenClaims,
  schema: StandardSchema<Own>,
): ClaimsReading<AccessTokenClaims & Own> {
  const own: Record<string, unknown> = { ...claims }
  const registered = { ...claims }
  for (const name of Object.keys(claims)) Reflect.deleteProperty(reservedClaims.has(name) ? own : registered, name)
  const result = schema['~standard'].validate(own)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new TypeError('claims has to be a schema that answers at once')
  }
  if (result.issues !== undefined) {
    // The message of an issue may hold the value, the path does not.
    const path = result.issues[0]?.path ?? []
    const detail = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return { reason: 'claims_rejected', detail }
  }
  const { roles } = claims
  return { ok: true, claims: { ...(roles !== undefined && { roles }), ...result.value, ...registered } }
}
