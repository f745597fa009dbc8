import { encodeBase64url, parseJsonObject } from '@pawl/protocol'
import { encodeText } from './issuer-fixture.ts'

/** Draws a whole number from 0 up to `below`. */
export type Draw = (below: number) => number

/** A way to spoil a token; what comes out may, by chance, be the token itself. */
export type Mutation = (token: string, draw: Draw, others: readonly string[]) => string

/** A source of numbers that is the same each time for a seed (mulberry32). */
export function seededDraw(seed: number): Draw {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const characters = [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \t\r\n\0%"',
  '\u00e9',
  '\ud800',
  '\u2028',
  '\ufeff',
]
const names = 'alg typ kid crit b64 jwk jku x5c zip iss aud exp iat nbf sub jti sid cnf scope roles __proto__'.split(
  ' ',
)
const values: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 9e9, 1e308, '', [], {}, [[]], { a: { b: [] } }, ['exp'], 'x'.repeat(300)],
  ...['none', 'HS256', 'ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256', 'at+jwt', 'JWT', '__proto__', 'constructor'],
]
const texts = ['', '{}', '[]', 'null', '7', '"x"', '{"a":1,"a":2}', '{', '\ufeff{}', '['.repeat(40), '{"__proto__":{}}']

const pick = <Item>(items: readonly Item[], draw: Draw): Item => {
  const item = items[draw(items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}
const bytesOf = (part: string) => new Uint8Array(Buffer.from(part, 'base64url'))

/** Replaces one of the three parts, if it is there: an earlier mutation may have left fewer. */
const inPart = (token: string, index: number, rewrite: (part: string) => string): string => {
  const parts = token.split('.')
  const part = parts[index]
  return part === undefined || part === '' ? token : parts.with(index, rewrite(part)).join('.')
}

/** Writes a member into the header (0) or the payload (1), before all others or in place of its namesake. */
const withMember = (token: string, index: number, draw: Draw): string => {
  const member = [pick(names, draw), pick(values, draw)] as const
  return inPart(token, index, (part) => {
    const text = Buffer.from(part, 'base64url').toString()
    if (draw(2) === 0)
      return encodeText(text.replace('{', `{${JSON.stringify(member[0])}:${JSON.stringify(member[1])},`))
    return encodeText(JSON.stringify({ ...parseJsonObject(text), [member[0]]: member[1] }))
  })
}

/** All ways by name. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'a character replaced': (token, draw) => {
    const at = draw(token.length)
    return token.slice(0, at) + pick(characters, draw) + token.slice(at + 1)
  },
  'a character put in': (token, draw) => {
    const at = draw(token.length + 1)
    return token.slice(0, at) + pick(characters, draw) + token.slice(at)
  },
  'some characters taken out': (token, draw) => {
    const at = draw(token.length)
    return token.slice(0, at) + token.slice(at + 1 + draw(40))
  },
  'a piece moved': (token, draw) => token.slice(0, draw(token.length)) + token.slice(draw(token.length)),
  'the end cut off': (token, draw) => token.slice(0, draw(token.length)),
  'the case of a letter changed': (token, draw) => {
    const at = draw(token.length)
    const letter = token[at] ?? ''
    return token.slice(0, at) + (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()) + token.slice(at + 1)
  },
  'a bit of the header turned': (token, draw) => inPart(token, 0, (part) => turned(part, draw)),
  'a bit of the payload turned': (token, draw) => inPart(token, 1, (part) => turned(part, draw)),
  'a bit of the signature turned': (token, draw) => inPart(token, 2, (part) => turned(part, draw)),
  'octets of the signature replaced': (token, draw) => {
    return inPart(token, 2, (part) => {
      const bytes = bytesOf(part)
      const from = draw(bytes.length)
      return encodeBase64url(bytes.fill(pick([0, 1, 127, 128, 255], draw), from, from + 1 + draw(64)))
    })
  },
  'another length of signature': (token, draw) => {
    return inPart(token, 2, (part) =>
      encodeBase64url(new Uint8Array([...bytesOf(part), 0, 0]).subarray(draw(3), draw(258))),
    )
  },
  'the signature of another token': (token, draw, others) => {
    return inPart(token, 2, () => pick(others, draw).split('.')[2] ?? '')
  },
  'the payload of another token': (token, draw, others) => {
    return inPart(token, 1, () => pick(others, draw).split('.')[1] ?? '')
  },
  'the header of another token': (token, draw, others) => {
    return inPart(token, 0, () => pick(others, draw).split('.')[0] ?? '')
  },
  'a member of the header': (token, draw) => withMember(token, 0, draw),
  'a member of the payload': (token, draw) => withMember(token, 1, draw),
  'another text for a part': (token, draw) => inPart(token, draw(2), () => encodeText(pick(texts, draw))),
  'the parts in another number or order': (token, draw) => {
    const parts = token.split('.')
    return Array.from({ length: 1 + draw(5) }, () => pick(parts, draw)).join('.')
  },
}

function turned(part: string, draw: Draw): string {
  const bytes = bytesOf(part)
  if (bytes.length === 0) return ''
  const at = draw(bytes.length)
  return encodeBase64url(bytes.with(at, (bytes[at] ?? 0) ^ (1 << draw(8))))
}
