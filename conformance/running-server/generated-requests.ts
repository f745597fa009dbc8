import { z } from 'zod'

/** Draws numbers from 0 to 1; the same ones for the same seed. */
export type Draw = () => number

/** A small generator of numbers (mulberry32): good enough to vary requests by. */
export function drawFrom(seed: number): Draw {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface BodySchema {
  readonly type: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly required: readonly string[]
}

/** One operation, as an OpenAPI document tells of it. */
export interface DescribedOperation {
  readonly method: string
  readonly path: string
  readonly body: BodySchema | undefined
  readonly query: BodySchema | undefined
  /** Statuses that are told of; refusals are the default. */
  readonly statuses: ReadonlySet<number>
}

const openApi = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        requestBody: z
          .looseObject({
            content: z.record(
              z.string(),
              z.looseObject({
                schema: z.looseObject({
                  properties: z.record(z.string(), z.unknown()),
                  required: z.array(z.string()).default([]),
                }),
              }),
            ),
          })
          .optional(),
        parameters: z
          .array(
            z.looseObject({
              name: z.string(),
              in: z.string(),
              required: z.boolean().default(false),
              schema: z.unknown(),
            }),
          )
          .default([]),
        responses: z.record(z.string(), z.unknown()),
      }),
    ),
  ),
})

/** Reads the operations of an OpenAPI document. */
export function readOperations(document: unknown): readonly DescribedOperation[] {
  return Object.entries(openApi.parse(document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody, parameters, responses }]) => {
      const asked = parameters.filter((parameter) => parameter.in === 'query')
      const [content] = Object.entries(requestBody?.content ?? {})
      const statuses = Object.keys(responses).filter((status) => status !== 'default')
      return {
        method: method.toUpperCase(),
        path,
        query:
          asked.length === 0
            ? undefined
            : {
                type: 'application/x-www-form-urlencoded',
                properties: Object.fromEntries(asked.map(({ name, schema }) => [name, schema])),
                required: asked.filter(({ required }) => required).map(({ name }) => name),
              },
        body: content === undefined ? undefined : { ...content[1].schema, type: content[0] },
        statuses: new Set(statuses.map(Number)),
      }
    }),
  )
}

/** Values that earlier replies gave, and others that mean something, by the name under which they are sent. */
export interface Known {
  readonly values: ReadonlyMap<string, readonly string[]>
  /** Values of `Authorization`. */
  readonly authorizations: readonly string[]
  /** Values of `Cookie`. */
  readonly cookies: readonly string[]
}

/** A request that some client could send. */
export interface GeneratedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const oddTexts = [
  '',
  ' ',
  '0',
  'null',
  'true',
  '[]',
  '{}',
  '../../etc/passwd',
  '%00',
  '%zz',
  '\u0000',
  '\ufffd',
  '\u202eabc',
  'ünï😀',
  'a'.repeat(300),
  'a'.repeat(5_000),
  "' OR 1=1 --",
  '<script>',
  'a.b.c',
  '..',
  'https://127.0.0.1/client.json',
  'http://[::1]/',
  '-1',
  '1e309',
  '__proto__',
  'constructor',
]
const oddValues: readonly unknown[] = [null, true, 0, -1, 1.5, 1e308, [], {}, [[]], ['a', 1], { a: { b: [null] } }, 'x']
const contentTypes = [
  'application/json',
  'application/x-www-form-urlencoded',
  'application/json; charset=utf-16',
  'APPLICATION/JSON',
  'multipart/form-data; boundary=x',
  'text/plain',
  '',
]
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']

/** Makes requests of one operation: some as described, some a little off, some nothing like it. */
export function generateRequest(operation: DescribedOperation, known: Known, draw: Draw): GeneratedRequest {
  const pick = <Value>(values: readonly Value[]): Value | undefined => values[Math.floor(draw() * values.length)]
  // Most are as described, so that they get beyond the first check; of the others anything may be wrong.
  const plain = draw() < 0.6
  const path = operation.path.replaceAll(/\{([a-z]+)\}/g, () =>
    encodeURIComponent((plain ? pick(known.values.get('path') ?? []) : pick(oddTexts)) ?? 'x'),
  )
  const authorization = draw() < 0.6 ? pick(known.authorizations) : plain ? undefined : pick(['Basic %%%', 'x', ''])
  const cookie = draw() < 0.2 ? pick(known.cookies) : undefined
  const body = bodyOf(operation.body, known, { draw, pick, plain, proven: authorization !== undefined })
  const target = path + queryOf(operation, known, { draw, pick, plain })
  const site = draw() < 0.3 ? pick(['same-origin', 'cross-site', 'same-site', 'none', 'odd']) : undefined
  const origin = draw() < 0.2 ? pick(['null', 'https://evil.example', 'x']) : undefined
  const type = plain || draw() < 0.8 ? operation.body?.type : pick(contentTypes)
  return {
    method: plain || draw() < 0.9 ? operation.method : (pick(methods) ?? 'GET'),
    path: !plain && draw() < 0.1 ? `${path}?${encodeURIComponent(pick(oddTexts) ?? '')}=${draw()}` : target,
    headers: {
      ...(type !== undefined && body !== undefined && { 'content-type': type }),
      ...(authorization !== undefined && { authorization }),
      ...(cookie !== undefined && { cookie }),
      ...(site !== undefined && { 'sec-fetch-site': site }),
      ...(origin !== undefined && { origin }),
    },
    body,
  }
}

/** Who comes with a browser proves nothing by a header. */
function queryOf({ query }: DescribedOperation, known: Known, drawing: Omit<Drawing, 'proven'>): string {
  return query === undefined ? '' : `?${bodyOf(query, known, { ...drawing, proven: false })}`
}

interface Drawing {
  readonly draw: Draw
  readonly pick: <Value>(values: readonly Value[]) => Value | undefined
  /** Whether the request is as described. */
  readonly plain: boolean
  /** Whether its headers say already which client it comes from. */
  readonly proven: boolean
}

function bodyOf(body: BodySchema | undefined, known: Known, drawing: Drawing): string | undefined {
  const { draw, pick, plain } = drawing
  if (body === undefined) return draw() < 0.1 ? pick(oddTexts) : undefined
  if (!plain && draw() < 0.1) return pick(oddTexts)
  const form = body.type.endsWith('urlencoded')
  const members = plain ? plainMembers(body, known, drawing) : oddMembers(body, known, drawing)
  if (!form) return JSON.stringify(Object.fromEntries(members))
  return new URLSearchParams(members.map(([name, value]) => [name, String(value)])).toString()
}

type Member = readonly [name: string, value: unknown]

function plainMembers({ type, properties, required }: BodySchema, known: Known, drawing: Drawing): readonly Member[] {
  const { draw, proven } = drawing
  const ofClient = (name: string) => type.endsWith('urlencoded') && name.startsWith('client_')
  return Object.entries(properties).flatMap(([name, schema]): readonly Member[] => {
    const proof = ofClient(name) && !name.startsWith('client_assertion')
    const wanted = proof ? !proven : required.includes(name) || (!ofClient(name) && draw() < 0.3)
    return wanted ? [[name, sampleOf(name, schema, known, drawing)]] : []
  })
}

function oddMembers({ type, properties }: BodySchema, known: Known, drawing: Drawing): readonly Member[] {
  const { draw, pick } = drawing
  const members: Member[] = []
  for (const [name, schema] of Object.entries(properties)) {
    if (draw() < 0.35) continue
    const odd = draw() < 0.1 && !type.endsWith('urlencoded')
    members.push([name, odd ? pick(oddValues) : sampleOf(name, schema, known, drawing)])
    if (draw() < 0.02) members.push([name, sampleOf(name, schema, known, drawing)])
  }
  return draw() < 0.1 ? [...members, [pick(oddTexts) ?? '', pick(oddTexts)]] : members
}

const described = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  const: z.unknown().optional(),
  items: z.unknown().optional(),
})

function sampleOf(name: string, schema: unknown, known: Known, drawing: Drawing): unknown {
  const { draw, pick, plain } = drawing
  if (!plain && draw() < 0.2) return pick(oddTexts)
  const { type, enum: words, const: only, items } = described.parse(schema)
  if (only !== undefined) return only
  if (type === 'array' && (plain || draw() < 0.8)) return [sampleOf(name, items ?? {}, known, drawing)]
  const value = pick(known.values.get(name) ?? [])
  if (value !== undefined && (plain || draw() < 0.8)) return value
  if (words !== undefined) return pick(words)
  if (type === 'object') return {}
  return pick(oddTexts)
}
