import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { apiDescription } from '../../src/endpoints/api-description/document.ts'
import { operations } from '../../src/endpoints/api-description/operations.ts'
import { routes } from '../../src/endpoints/route-table.ts'

const cookieNames = { access: 'pawl_access', refresh: 'pawl_refresh', state: 'pawl_state' }

function described(): Readonly<Record<string, unknown>> {
  return apiDescription({ issuer: 'https://id.example/deep', cookieNames })
}

test('every route is described, and nothing is described that is no route', () => {
  const names = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:([a-z]+)/g, '{$1}')}`)
  expect(new Set(Object.keys(operations))).toEqual(new Set(names))
})

test('the description is an OpenAPI 3.1 document', async () => {
  const validator = new Validator()
  const written: unknown = JSON.parse(JSON.stringify(described()))
  expect(await validator.validate(Object(written))).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
  expect(await new Validator().validate({ ...Object(written), paths: [] })).toMatchObject({ valid: false })
})

test('operations have ids of their own, bodies hold what they must have, and every reference leads somewhere', () => {
  const text = JSON.stringify(described())
  const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id)
  expect(ids).toHaveLength(Object.keys(operations).length)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { query, json, form, required = [] } of Object.values(operations)) {
    expect(Object.keys(json ?? form ?? query ?? {})).toEqual(expect.arrayContaining([...required]))
  }
  for (const [, kind = '', name = ''] of text.matchAll(/"#\/components\/([a-z]+)\/([A-Za-z]+)"/gi)) {
    expect(described()).toHaveProperty(['components', kind, name])
  }
})
