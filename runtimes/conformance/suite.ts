import { claimsTests } from './claims.ts'
import { clientTests } from './client.ts'
import { keyTests } from './keys.ts'
import { revocationTests } from './revocation.ts'
import { type TokenVector, type TokenVectors, vectorTests } from './vectors.ts'

/** What the suite is given by whoever starts it, as JSON. */
export interface Surroundings {
  readonly vectors: TokenVectors
  /** Vectors that expect what must not be: their tests have to fail, or the suite shows nothing. */
  readonly planted: readonly TokenVector[]
  /** Address of a Pawl server that is within reach. */
  readonly issuer: string
  /** What that server's access tokens are for. */
  readonly audience: string
  /** Somebody whom that server knows. */
  readonly user: { readonly username: string; readonly password: string }
  /** Whether the runtime keeps cookies itself, and lets no script see them. */
  readonly keepsCookies: boolean
}

/** One test. It throws when it fails. */
export interface Test {
  readonly name: string
  run(surroundings: Surroundings): Promise<void>
}

/** What came of a test. */
export interface Result {
  readonly name: string
  readonly ok: boolean
  /** Why it failed. */
  readonly problem?: string
}

/** Runs all tests one after the other. Never rejects. */
export async function runSuite(surroundings: Surroundings): Promise<readonly Result[]> {
  const results: Result[] = []
  const { planted, vectors } = surroundings
  const judged = vectorTests(vectors, [...vectors.tokens, ...planted])
  const tests = [...judged, ...keyTests, ...claimsTests, ...revocationTests, ...clientTests]
  for (const test of tests) results.push(await resultOf(test, surroundings))
  return results
}

async function resultOf({ name, run }: Test, surroundings: Surroundings): Promise<Result> {
  try {
    await run(surroundings)
    return { name, ok: true }
  } catch (error) {
    return { name, ok: false, problem: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
  }
}
