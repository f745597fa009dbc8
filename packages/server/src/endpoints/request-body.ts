import type { Refusal } from '@pawl/protocol'
import type { z } from 'zod'

/** A body read, or why it was not. */
export type BodyReading<Value> =
  | { readonly kind: 'read'; readonly value: Value }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

const malformedBody: BodyReading<never> = {
  kind: 'refused',
  refusal: { error: 'invalid_request', reason: 'malformed_body' },
}
const wrongType: BodyReading<never> = { kind: 'refused', refusal: { error: 'unsupported_media_type' } }

/** Content type without its parameters; undefined when the header is absent. */
function mediaType(request: Request): string | undefined {
  return request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
}

const strict = new TextDecoder('utf-8', { fatal: true })

async function readText(request: Request): Promise<string | undefined> {
  try {
    return strict.decode(await request.arrayBuffer())
  } catch (error) {
    // Ill-formed UTF-8 is the sender's fault; a connection that broke is nobody's to answer.
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/**
 * Reads a JSON object. An absent body counts as an empty object. Unknown members are ignored; a known one of the wrong
 * type refuses the whole.
 */
export async function readJson<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
): Promise<BodyReading<z.infer<Schema>>> {
  const type = mediaType(request)
  const text = await readText(request)
  if (text === undefined) return malformedBody
  if (text === '' && (type === undefined || type === 'application/json')) return parse({}, schema)
  if (type !== 'application/json') return wrongType
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return malformedBody
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformedBody
  return parse(value, schema)
}

function parse<Schema extends z.ZodType>(value: unknown, schema: Schema): BodyReading<z.infer<Schema>> {
  // Without this the library keeps the input out of its issues, and everything malformed would pass for missing.
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return { kind: 'read', value: parsed.data }
  const missing = parsed.error.issues.some((issue) => issue.code === 'invalid_type' && issue.input === undefined)
  return {
    kind: 'refused',
    refusal: { error: 'invalid_request', reason: missing ? 'missing_parameter' : 'malformed_parameter' },
  }
}

/** Parameters of a form request. Empty ones count as absent (RFC 6749 section 3.1, standards G-2). */
export interface FormParameters {
  /** The one value of a parameter that may stand once. */
  one(name: string): string | undefined
  /** All values of a parameter that may be repeated. */
  all(name: string): readonly string[]
  /** The names of all that have a value. */
  names(): readonly string[]
}

/** Parameters that may be repeated (RFC 8707 section 2, RFC 8693 section 2.1). */
const repeatable = new Set(['resource', 'audience'])

/** Credentials have no place in a URL, where logs and histories keep them (standards G-3). */
const neverInUrl = [
  'client_id',
  'client_secret',
  'refresh_token',
  'subject_token',
  'actor_token',
  'token',
  'access_token',
  'password',
  'grant_type',
  'attempt_id',
  'code',
]

/** Reads an `application/x-www-form-urlencoded` body (standards G-2, G-3). */
export async function readForm(request: Request): Promise<BodyReading<FormParameters>> {
  const query = new URL(request.url).searchParams
  if (neverInUrl.some((name) => query.has(name))) return refusedParameter('malformed_parameter')
  const type = mediaType(request)
  const text = await readText(request)
  // RFC 6749 section 5.2 has no code of its own for a wrong content type, and OAuth clients know no other list.
  if (type !== 'application/x-www-form-urlencoded')
    return type === undefined && text === '' ? refusedParameter('missing_parameter') : malformedBody
  if (text === undefined) return malformedBody
  const values = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(text)) {
    // Percent-encoded bytes that are no UTF-8 come out as the replacement character.
    if (name.includes('\uFFFD') || value.includes('\uFFFD') || value.includes('\0')) return malformedBody
    const earlier = values.get(name)
    if (earlier !== undefined && !repeatable.has(name)) return refusedParameter('repeated_parameter')
    if (earlier === undefined) values.set(name, [value])
    else earlier.push(value)
  }
  const all = (name: string) => (values.get(name) ?? []).filter((value) => value !== '')
  return { kind: 'read', value: { one: (name) => all(name)[0], all, names: () => [...values.keys()] } }
}

/** Reads a form that a page of this server sent, or that asks for one. Which names stand in it is for the reader to judge. */
export async function readPageForm(request: Request): Promise<BodyReading<URLSearchParams>> {
  const type = mediaType(request)
  const text = await readText(request)
  if (type !== 'application/x-www-form-urlencoded' || text === undefined) return malformedBody
  return { kind: 'read', value: new URLSearchParams(text) }
}

function refusedParameter(
  reason: 'malformed_parameter' | 'missing_parameter' | 'repeated_parameter',
): BodyReading<never> {
  return { kind: 'refused', refusal: { error: 'invalid_request', reason } }
}
