import { z } from 'zod'
import { inFlight, upTo } from '../sessions/in-flight.ts'

const reply = z.looseObject({ refresh_token: z.string() })

/** Signs in so often at a Pawl server, and resolves with the refresh tokens. */
export async function signInOften(
  port: number,
  user: { readonly username: string; readonly password: string },
  count: number,
): Promise<readonly string[]> {
  const tokens: string[] = []
  // Hashing a password takes as many cores as there are; more at a time would only wait longer.
  await inFlight(upTo(count), 4, async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...user, delivery: 'body' }),
    })
    if (!answer.ok) throw new Error(`a sign-in was answered ${answer.status}: ${await answer.text()}`)
    tokens.push(reply.parse(await answer.json()).refresh_token)
  })
  return tokens
}
