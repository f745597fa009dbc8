import type { Settings } from '../../configuration/settings.ts'
import type { Operation, Proof, Reply, Schema } from './operation.ts'
import { operations } from './operations.ts'
import { namedSchemas, objectOf, refer } from './schemas.ts'

/**
 * The OpenAPI 3.1 document of this server: every path, what it takes and what it gives. Refusals are alike everywhere, so
 * they stand once, as the default reply.
 */
export function apiDescription(settings: Pick<Settings, 'issuer' | 'cookieNames'>): Schema {
  const paths: Record<string, Record<string, Schema>> = {}
  for (const [name, operation] of Object.entries(operations)) {
    const [method = '', path = ''] = name.split(' ')
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(operation, method, path) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Pawl',
      version: '1',
      description: 'Access tokens and refresh tokens. Error codes and reasons are told in docs/errors.md.',
    },
    servers: [{ url: settings.issuer }],
    tags: [{ name: 'First party' }, { name: 'OAuth' }, { name: 'Operation' }],
    paths,
    components: {
      schemas: namedSchemas,
      responses: {
        Refusal: {
          description: 'Refused, with the reason.',
          content: { 'application/json': { schema: refer('Refusal') } },
        },
      },
      securitySchemes: securitySchemes(settings),
    },
  }
}

function describeOperation(operation: Operation, method: string, path: string): Schema {
  const { summary, group, proof, replies } = operation
  const parameters = [...path.matchAll(/\{([a-z]+)\}/g)]
    .map(([, name]): Schema => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
    .concat(queryOf(operation))
  return {
    operationId: operationId(method, path),
    summary,
    tags: [group],
    ...(parameters.length > 0 && { parameters }),
    ...bodyOf(operation),
    ...(proof !== undefined && { security: proof.map((one) => (one === 'none' ? {} : { [one]: [] })) }),
    responses: {
      ...Object.fromEntries(Object.entries(replies).map(([status, reply]) => [status, describeReply(reply)])),
      default: { $ref: '#/components/responses/Refusal' },
    },
  }
}

function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  return [method.toLowerCase(), ...words].join('_')
}

function queryOf({ query = {}, json, form, required = [] }: Operation): readonly Schema[] {
  const isOfQuery = json === undefined && form === undefined
  return Object.entries(query).map(([name, schema]) => ({
    name,
    in: 'query',
    required: isOfQuery && required.includes(name),
    schema,
  }))
}

function bodyOf({ json, form, required = [] }: Operation): Schema {
  const members = json ?? form
  if (members === undefined) return {}
  const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  const content = { [type]: { schema: objectOf(members, required) } }
  return { requestBody: { required: required.length > 0, content } }
}

function describeReply({ description, type, schema }: Reply): Schema {
  return { description, ...(type !== undefined && { content: { [type]: schema === undefined ? {} : { schema } } }) }
}

function securitySchemes({
  cookieNames,
}: Pick<Settings, 'cookieNames'>): Readonly<Record<Exclude<Proof, 'none'>, Schema>> {
  return {
    clientSecretBasic: { type: 'http', scheme: 'basic', description: 'Id and secret, form-urlencoded before base64.' },
    accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    accessCookie: { type: 'apiKey', in: 'cookie', name: cookieNames.access },
    refreshCookie: { type: 'apiKey', in: 'cookie', name: cookieNames.refresh },
  }
}
