import { createVerifier, type Verifier } from '@pawl/verifier'
import { expectEqual, reasonOf } from './expectations.ts'
import type { Test } from './suite.ts'

/** Tokens with what a verifier has to say of them, made anew for each run by another implementation of the cryptography. */
export interface TokenVectors {
  readonly issuer: string
  readonly audience: string
  /** Milliseconds since 1970, at which the tokens are looked at. */
  readonly now: number
  readonly keys: readonly Readonly<Record<string, unknown>>[]
  readonly tokens: readonly TokenVector[]
}

/** One token. */
export interface TokenVector {
  readonly name: string
  readonly token: string
  /** `accepted`, or the reason for which it is refused. */
  readonly expected: string
}

/** A verifier that stands still at the instant of the vectors, and asks nobody but them for keys. */
export function createVectorVerifier(vectors: TokenVectors, onFetch: () => void = () => undefined): Verifier {
  return createVerifier({
    issuer: vectors.issuer,
    audience: vectors.audience,
    algorithms: ['ES256', 'Ed25519', 'RS256'],
    clock: () => vectors.now,
    fetch: async () => {
      onFetch()
      return Response.json({ keys: vectors.keys })
    },
  })
}

/** One test for each vector: it is judged the same twice, with a cache and without, and as part of a request. */
export function vectorTests(vectors: TokenVectors, tokens: readonly TokenVector[]): readonly Test[] {
  const verifier = createVectorVerifier(vectors)
  return tokens.map(({ name, token, expected }) => ({
    name,
    async run() {
      expectEqual(await reasonOf(verifier, token), expected)
      expectEqual(await reasonOf(verifier, token), expected, 'the second answer')
      if (!/^[\x21-\x7e]+$/.test(token)) return
      const request = new Request(`${vectors.audience}/notes`, { headers: { authorization: `Bearer ${token}` } })
      const asked = await reasonOf(verifier, request)
      // What is no token68 is no Bearer credential either.
      expectEqual(asked === 'malformed_authorization' ? 'malformed' : asked, expected, 'the answer to a request')
    },
  }))
}
