import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { StartedServer } from './started-server.ts'
import { type StartedVerifier, startVerifier } from './started-verifier.ts'
import type { VerifierWishes } from './verifier-messages.ts'

/** Three verifiers, each a process of its own. */
export interface ThreeVerifiers extends AsyncDisposable {
  /** Has all of them do something at the same time. */
  readonly all: <Result>(work: (verifier: StartedVerifier) => Promise<Result>) => Promise<readonly Result[]>
}

/** Starts them, all alike. */
export async function startThree(wishes: VerifierWishes): Promise<ThreeVerifiers> {
  const verifiers = await Promise.all([startVerifier(wishes), startVerifier(wishes), startVerifier(wishes)])
  return {
    all: (work) => Promise.all(verifiers.map(work)),
    async [Symbol.asyncDispose]() {
      await Promise.all(verifiers.map((verifier) => verifier[Symbol.asyncDispose]()))
    },
  }
}

/** How often the keys were fetched, as the issuer counts. */
export async function keyFetches(server: StartedServer): Promise<number> {
  const { text } = await server.send('/metrics')
  const counts = text.matchAll(/^pawl_http_request_duration_seconds_count\{[^}]*route="\/oauth\/jwks"[^}]*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}

/** The token, as if a key that nobody knows had signed it; another key each time. */
export function ofUnknownKeys(token: string, count: number): readonly string[] {
  const [head = '', ...others] = token.split('.')
  return Array.from({ length: count }, () => {
    const kid = randomBytes(32).toString('base64url')
    const header = Buffer.from(JSON.stringify({ ...headerOf(head), kid })).toString('base64url')
    return [header, ...others].join('.')
  })
}

const header = z.looseObject({ kid: z.string() })

/** The header of a token. */
export function headerOf(token: string): z.infer<typeof header> {
  return header.parse(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()))
}
