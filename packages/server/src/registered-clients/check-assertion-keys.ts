import { type ClientAuthenticationMethod, type SignatureAlgorithm, signatureAlgorithms } from '@pawl/protocol'
import { type AssertionKeys, holdsPrivateKey, readClientKeys } from './assertion-keys.ts'
import type { ClientRegistration, RegistrationRefusal } from './client-registration.ts'

/** Where nothing says by which algorithm a client signs. */
const usualAlgorithm: SignatureAlgorithm = 'ES256'

/**
 * Looks at how a client is to sign who it is: with one algorithm, by keys that are given either here or by a URL
 * (standards CA-5, RFC 7591 section 2).
 *
 * @returns undefined for a client that does not sign
 */
export function checkAssertionKeys(
  { jwks, jwksUri, signingAlgorithm }: Pick<ClientRegistration, 'jwks' | 'jwksUri' | 'signingAlgorithm'>,
  method: ClientAuthenticationMethod,
): AssertionKeys | RegistrationRefusal | undefined {
  if (method !== 'private_key_jwt') {
    const given = jwks !== undefined || jwksUri !== undefined || signingAlgorithm !== undefined
    return given ? refuse('jwks', 'Keys are for a client whose authentication is private_key_jwt.') : undefined
  }
  const algorithm = signatureAlgorithms.find((known) => known === signingAlgorithm)
  if (signingAlgorithm !== undefined && algorithm === undefined)
    return refuse('signing-algorithm', `The signing algorithm must be one of ${signatureAlgorithms.join(', ')}.`)
  if ((jwks === undefined) === (jwksUri === undefined))
    return refuse('jwks', 'A client that signs who it is has a key set, or the URL of one, and not both.')
  if (jwksUri !== undefined) {
    return isKeySetUri(jwksUri)
      ? { algorithm: algorithm ?? usualAlgorithm, jwksUri }
      : refuse('jwks-uri', 'The URL of a key set is https, or http on a loopback address.')
  }
  return checkKeySet(jwks, algorithm)
}

function checkKeySet(jwks: unknown, algorithm: SignatureAlgorithm | undefined): AssertionKeys | RegistrationRefusal {
  if (!isKeySet(jwks))
    return refuse('jwks', 'A key set is a JSON object with a list of public keys in keys (RFC 7517).')
  if (holdsPrivateKey(jwks))
    return refuse('jwks', 'The key set holds a private key. Leave its private members out, and use another key.')
  const algorithms = algorithm === undefined ? signatureAlgorithms : [algorithm]
  const usable = algorithms
    .map((candidate) => ({ algorithm: candidate, jwks: readClientKeys(jwks, candidate) }))
    .filter((found) => found.jwks.length > 0)
  const [keys, further] = usable
  if (keys === undefined) {
    return refuse('jwks', `The key set holds no public key for signatures by ${algorithms.join(', ')}.`)
  }
  return further === undefined
    ? keys
    : refuse('signing-algorithm', 'The keys are for several algorithms. Say which one the client signs with.')
}

function isKeySet(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys)
}

function isKeySetUri(text: string): boolean {
  if (!URL.canParse(text) || text.length > 2048 || !/^[\x21-\x7e]+$/.test(text)) return false
  const url = new URL(text)
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  const plain = url.username === '' && url.password === '' && url.hash === ''
  return plain && (url.protocol === 'https:' || (url.protocol === 'http:' && loopback))
}

function refuse(field: RegistrationRefusal['field'], message: string): RegistrationRefusal {
  return { ok: false, field, message }
}
