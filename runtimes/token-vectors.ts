import { createHmac, generateKeyPairSync, type KeyObject, type SigningOptions, sign as signWith } from 'node:crypto'
import type { TokenVector, TokenVectors } from './conformance/vectors.ts'

type Members = Readonly<Record<string, unknown>>

/** A key of the issuer whose tokens the vectors are. */
interface Signer {
  readonly header: Members
  readonly jwk: Members
  readonly publicKey: KeyObject
  sign(input: string): Buffer
}

const now = Date.UTC(2026, 10, 21, 12)
const issuer = 'https://id.example'
const audience = 'https://api.example'
const claims = {
  iss: issuer,
  sub: 'user-1',
  aud: audience,
  exp: now / 1_000 + 900,
  iat: now / 1_000,
  jti: 'token-1',
  client_id: 'first-party',
  scope: 'notes:read',
  sid: 'session-1',
  roles: ['reader'],
}

/** Signs with Node's own cryptography, which no other runtime shares. */
function createSigner(alg: 'ES256' | 'EdDSA' | 'RS256', kid: string, bits = 2_048): Signer {
  const { privateKey, publicKey } = {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: bits }),
  }[alg]()
  const key: SigningOptions & { readonly key: KeyObject } = { key: privateKey, dsaEncoding: 'ieee-p1363' }
  return {
    header: { alg, typ: 'at+jwt', kid },
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' },
    publicKey,
    sign: (input) => signWith(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), key),
  }
}

const encode = (value: Members | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

function tokenOf(signer: Signer, header: Members | string = {}, payload: Members | string = {}): string {
  const head = typeof header === 'string' ? header : { ...signer.header, ...header }
  const input = `${encode(head)}.${encode(typeof payload === 'string' ? payload : { ...claims, ...payload })}`
  return `${input}.${signer.sign(input).toString('base64url')}`
}

/** The same token with another signature. */
function resigned(token: string, change: (signature: Buffer) => Uint8Array): string {
  const end = token.lastIndexOf('.') + 1
  return token.slice(0, end) + Buffer.from(change(Buffer.from(token.slice(end), 'base64url'))).toString('base64url')
}

/** (r, n - s), which ECDSA takes for as good as (r, s). */
function otherS(signature: Buffer): Uint8Array {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = order - BigInt(`0x${signature.subarray(32).toString('hex')}`)
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
}

/** A token whose signature is an HMAC under what everybody knows: the public key. */
function signedByPublicKey(signer: Signer): string {
  const input = `${encode({ ...signer.header, alg: 'HS256' })}.${encode(claims)}`
  const secret = signer.publicKey.export({ format: 'pem', type: 'spki' })
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** Makes keys, and a token for each thing that a verifier has to see. */
export function makeTokenVectors(): TokenVectors {
  const [es256, eddsa, rs256] = [createSigner('ES256', 'e'), createSigner('EdDSA', 'd'), createSigner('RS256', 'r')]
  const [stranger, weak] = [createSigner('ES256', 'e'), createSigner('RS256', 'weak', 1_024)]
  const good = tokenOf(es256)
  const [header = '', payload = '', signature = ''] = good.split('.')
  const otherPayload = encode({ ...claims, sub: 'admin' })
  const tokens: readonly (readonly [name: string, token: string, expected: string])[] = [
    ['a good token, ES256', good, 'accepted'],
    ['a good token, EdDSA', tokenOf(eddsa), 'accepted'],
    ['a good token, EdDSA by its new name Ed25519', tokenOf(eddsa, { alg: 'Ed25519' }), 'accepted'],
    ['a good token, RS256', tokenOf(rs256), 'accepted'],
    ['a good token for several resources', tokenOf(es256, {}, { aud: ['https://x.example', audience] }), 'accepted'],
    ['a token with a claim of the application', tokenOf(es256, {}, { plan: 'free' }), 'accepted'],
    ['a token without scopes', tokenOf(es256, {}, { scope: undefined }), 'accepted'],
    ['a token without a session', tokenOf(es256, {}, { sid: undefined }), 'accepted'],
    ['a name beyond ASCII', tokenOf(es256, {}, { sub: 'zoë 🦔' }), 'accepted'],
    ['JW-5 the twin (r, n - s) is the same token', resigned(good, otherS), 'accepted'],
    ['JW-2 alg none', `${encode({ ...es256.header, alg: 'none' })}.${payload}.${signature}`, 'unsupported_algorithm'],
    ['JW-2 no signature at all', `${encode({ ...es256.header, alg: 'none' })}.${payload}.`, 'malformed'],
    ['JW-2 HS256 under the public key', signedByPublicKey(rs256), 'unsupported_algorithm'],
    ['JW-2 an algorithm of another key', tokenOf(es256, { kid: 'r' }), 'unsupported_algorithm'],
    ['JW-3 a key that the token brings along', tokenOf(stranger, { jwk: stranger.jwk }), 'bad_signature'],
    ['JW-4 an extension', tokenOf(es256, { crit: ['exp'] }), 'unsupported_header'],
    ['JW-4 a member twice', tokenOf(es256, {}, JSON.stringify(claims).replace('{', '{"sub":"admin",')), 'malformed'],
    ['JW-5 a signature of another key', tokenOf(stranger), 'bad_signature'],
    ['JW-5 a payload that was changed', `${header}.${otherPayload}.${signature}`, 'bad_signature'],
    ['JW-5 r = s = 0', resigned(good, () => new Uint8Array(64)), 'bad_signature'],
    [
      'JW-5 a signature in DER',
      resigned(good, (raw) => Buffer.concat([Buffer.from([0x30, 68]), raw])),
      'bad_signature',
    ],
    ['JW-5 a signature cut short', resigned(good, (raw) => raw.subarray(1)), 'bad_signature'],
    ['JW-5 an Ed25519 signature with a bit turned', resigned(tokenOf(eddsa), turned), 'bad_signature'],
    ['JW-5 an RS256 signature with a bit turned', resigned(tokenOf(rs256), turned), 'bad_signature'],
    ['JW-5 a key of 1,024 bits', tokenOf(weak), 'unknown_key'],
    ['JW-1 padding', `${good}==`, 'malformed'],
    ['JW-1 bits that belong to nothing', good.slice(0, -1) + nextOf(good), 'malformed'],
    ['JW-1 a third dot', `${good}.`, 'malformed'],
    ['JW-1 white space', `${good} `, 'malformed'],
    ['JW-1 a character beyond ASCII', `${good.slice(0, -1)}é`, 'malformed'],
    ['not UTF-8', `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`, 'malformed'],
    ['a byte order mark', tokenOf(es256, {}, `\ufeff${JSON.stringify(claims)}`), 'malformed'],
    ['nesting without end', tokenOf(es256, {}, '{"a":'.repeat(40) + 1 + '}'.repeat(40)), 'malformed'],
    ['no token', 'x', 'malformed'],
    ['RT-1 a token of another kind', tokenOf(es256, { typ: 'JWT' }), 'wrong_type'],
    ['a media type in full', tokenOf(es256, { typ: 'application/AT+JWT' }), 'accepted'],
    ['another issuer', tokenOf(es256, {}, { iss: 'https://evil.example' }), 'wrong_issuer'],
    ['another audience', tokenOf(es256, {}, { aud: 'https://x.example' }), 'wrong_audience'],
    ['an unknown key', tokenOf(es256, { kid: 'z' }), 'unknown_key'],
    ['expired', tokenOf(es256, {}, { exp: now / 1_000 - 31 }), 'expired'],
    ['expired within the skew', tokenOf(es256, {}, { exp: now / 1_000 - 29 }), 'accepted'],
    ['not valid yet', tokenOf(es256, {}, { nbf: now / 1_000 + 31 }), 'not_yet_valid'],
    ['a claim that is missing', tokenOf(es256, {}, { jti: undefined }), 'invalid_claim'],
    ['a claim that is not of its form', tokenOf(es256, {}, { exp: '9999999999' }), 'invalid_claim'],
    ['bound to a key', tokenOf(es256, {}, { cnf: { jkt: 'x' } }), 'wrong_binding'],
  ]
  return {
    issuer,
    audience,
    now,
    keys: [es256, eddsa, rs256, weak].map(({ jwk }) => jwk),
    tokens: tokens.map(([name, token, expected]): TokenVector => ({ name, token, expected })),
  }
}

/** Two vectors that expect what must not be: where the suite works, their tests fail. */
export function plantedVectors({ tokens }: TokenVectors): readonly TokenVector[] {
  const planted = (name: string, expected: string): TokenVector => {
    const vector = tokens.find((each) => each.name === name)
    if (vector === undefined) throw new Error(`no vector ${name}`)
    return { ...vector, name: `planted: ${name}`, expected }
  }
  return [planted('JW-5 a payload that was changed', 'accepted'), planted('a good token, RS256', 'bad_signature')]
}

function turned(signature: Buffer): Uint8Array {
  return signature.map((octet, index) => (index === 40 ? octet ^ 1 : octet))
}

/** The last character, one bit further: one of the four bits that 64 octets leave over. */
function nextOf(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(token.at(-1) ?? 'A') ^ 1] ?? 'B'
}
