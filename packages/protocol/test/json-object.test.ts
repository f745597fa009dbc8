import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJsonObject } from '../src/json-object.ts'

describe('strict JSON objects', () => {
  test('reads whatever JSON.stringify writes of an object', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 5 }))
    fc.assert(
      fc.property(object, (value) => {
        const { ['__proto__']: _, ...rest } = value
        for (const space of [0, 2]) {
          const text = JSON.stringify(rest, undefined, space)
          expect(parseJsonObject(text)).toEqual(dropPrototypeMembers(JSON.parse(text)))
        }
      }),
    )
  })

  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"a":2}',
    '{"a":{"b":1,"b":1}}',
    '{"a":[0,[{"b":1},{"b":1,"c":2,"b":3}]]}',
    '{"a":1,"\\u0061":2}',
    '{"\\u00e9":1,"é":2}',
    '{"a":{"x":1,"y":2},"a":{"x":1,"y":2}}',
    '{"a":{"x":1,"y":2},"a":3,"b":4}',
    '{"1":1,"1":1}',
    '{"":1,"":1}',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\"":1,"a\\u0022":1}',
    '{"a:":1,"a\\u003a":1}',
  ])('JW-4 refuses a repeated member name: %s', (text) => {
    expect(() => JSON.parse(text)).not.toThrow()
    expect(parseJsonObject(text)).toBeUndefined()
  })

  test('JW-4 finds one repeated name wherever it is put', () => {
    const names = fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 4 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(names, fc.nat(), fc.nat(), fc.array(fc.constantFrom('[', '{"in":')), (all, from, to, around) => {
        const repeated = all.toSpliced(to % all.length, 0, all[from % all.length] ?? '')
        const wrap = (members: readonly string[]) =>
          around.reduce(
            (inner, opening) => `${opening}${inner}${opening === '[' ? ']' : '}'}`,
            `{${members.map((name) => `${JSON.stringify(name)}:[{"x":":"}]`).join()}}`,
          )
        expect(parseJsonObject(`{"top":${wrap(all)}}`)).toBeDefined()
        expect(parseJsonObject(`{"top":${wrap(repeated)}}`)).toBeUndefined()
      }),
    )
  })

  test.each([
    '{"a":{"b":1},"c":{"b":1}}',
    '{"a":[{"b":1},{"b":1}]}',
    '{"a":"b\\":\\"c","d":":{[\\\\"}',
    '{"A":1,"a":1}',
    '{ "a" :\r\n\t1 }',
  ])('accepts what only looks like a repeated name: %s', (text) => {
    expect(parseJsonObject(text)).toEqual(JSON.parse(text))
  })

  test.each([
    '',
    'null',
    '1',
    '"a"',
    'true',
    '[]',
    '[{}]',
    '{',
    '{"a"}',
    '{"a":1,}',
    "{'a':1}",
    '{"a":1}{"b":1}',
    '{"a":1} x',
    '{"a":01}',
    '{"a":NaN}',
    '\uFEFF{"a":1}',
    '{"a":"\n"}',
    '{"a"::1}',
    ':',
    '}{',
    '"',
  ])('refuses what is not one JSON object: %j', (text) => {
    expect(parseJsonObject(text)).toBeUndefined()
  })

  test('refuses nesting beyond 32, without running out of stack', () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    expect(parseJsonObject(nested(32))).toBeDefined()
    expect(parseJsonObject(nested(33))).toBeUndefined()
    expect(parseJsonObject(nested(1_000_000))).toBeUndefined()
    expect(parseJsonObject('{"a":'.repeat(1_000_000))).toBeUndefined()
  })

  test('members named __proto__ are dropped at every depth and change no prototype', () => {
    const value = parseJsonObject('{"__proto__":{"admin":true},"a":[{"__proto__":{"admin":true},"b":1}]}')
    expect(value).toEqual({ a: [{ b: 1 }] })
    expect(Object.assign({}, value)).not.toHaveProperty('admin')
    expect({}).not.toHaveProperty('admin')
  })
})

function dropPrototypeMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropPrototypeMembers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== '__proto__')
      .map(([name, entry]) => [name, dropPrototypeMembers(entry)]),
  )
}
