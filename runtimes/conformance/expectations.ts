import type { Verifier } from '@pawl/verifier'

/**
 * The suite's own `expect`: it has to run wherever the packages do.
 *
 * @throws Error that tells both, unless they are the same as JSON
 */
export function expectEqual(actual: unknown, expected: unknown, about = 'value'): void {
  const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (is !== wanted) throw new Error(`${about} is ${is}, expected ${wanted}`)
}

/** The reason for which a token or request is refused; `accepted` if it is not. */
export async function reasonOf(verifier: Pick<Verifier, 'verify'>, input: string | Request): Promise<string> {
  const verification = await verifier.verify(input)
  return verification.ok ? 'accepted' : verification.refusal.reason
}

/**
 * Asks again and again until the answer is the expected one.
 *
 * @throws Error with the last answer, after 10 seconds
 */
export async function expectSoon(ask: () => Promise<string>, expected: string): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const answer = await ask()
    if (answer === expected) return
    if (Date.now() > deadline) throw new Error(`still ${answer} after 10 s, expected ${expected}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
