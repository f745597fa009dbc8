import { describe, expect, test } from 'vitest'
import { signIn } from './running-server/first-party-calls.ts'
import { addClient } from './running-server/registered-clients.ts'
import { errorReply, refreshGrantReply } from './running-server/replies.ts'
import { sessionsOf } from './running-server/sessions-of-a-client.ts'
import { type Engine, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const policies = ['shared-store', 'rotating', 'strict'] as const
const processes = 10
const hours = 8
const accessSeconds = 300

/** A command line tool that we cannot change: no attempt ids, one credential file, a copy of it in each process. */
interface Process {
  token: string
  /** Instant at which its access token must be replaced. */
  due: number
}

interface Soak {
  readonly refreshes: number
  readonly superseded: number
  /** How often a human had to sign in again. */
  readonly signIns: number
}

/** Numbers that look random and are the same in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/**
 * Eight simulated hours of ten processes that idle at random. Each refreshes with the copy it has in memory, several of
 * them at once at times. Whoever is refused reads the file again; whoever finds nothing newer there needs a human.
 */
async function soak(server: StartedServer, random: () => number): Promise<Soak> {
  const end = server.clock.now() + hours * 3_600_000
  let [refreshes, superseded, signIns] = [0, 0, 0]
  let file = (await signIn(server)).refresh_token
  const all = Array.from({ length: processes }, (): Process => ({ token: file, due: server.clock.now() }))

  async function work(process: Process): Promise<void> {
    for (;;) {
      const form = { grant_type: 'refresh_token', client_id: 'cli', refresh_token: process.token }
      const reply = await server.send('/oauth/token', { form })
      if (reply.status === 200) {
        refreshes += 1
        process.token = file = reply.read(refreshGrantReply).refresh_token
        return
      }
      const { error, reason } = reply.read(errorReply)
      expect({ status: reply.status, error }).toEqual({ status: 400, error: 'invalid_grant' })
      superseded += reason === 'superseded' ? 1 : 0
      if (process.token === file) {
        signIns += 1
        file = (await signIn(server)).refresh_token
      }
      process.token = file
    }
  }

  for (;;) {
    const next = Math.min(...all.map(({ due }) => due))
    if (next >= end) return { refreshes, superseded, signIns }
    server.clock.advanceMilliseconds(next - server.clock.now())
    // Those who fall due within a second of each other do not wait for one another.
    await Promise.all(all.filter(({ due }) => due <= next + 1000).map(work))
    for (const process of all.filter(({ due }) => due <= next + 1000)) {
      // Busy processes refresh as their token expires; now and then one sleeps for up to an hour and a half.
      const idle = random() < 0.25 ? random() * 5_400_000 : 0
      process.due = next + Math.round(accessSeconds * 1000 - 60_000 * random() + idle)
    }
  }
}

async function soakUnder(policy: (typeof policies)[number], engine: Engine): Promise<Soak & { readonly told: number }> {
  let told = 0
  const through: typeof sessionsOf =
    (...wishes) =>
    (storage) => ({
      ...sessionsOf(...wishes)(storage),
      appendEvent: async (event) => {
        if (event.type === 'session_superseded_use') told += 1
        await storage.appendEvent(event)
      },
    })
  await using server = await startServer({ engine, through: through('cli') })
  await addClient(server, { id: 'cli', type: 'public', grants: ['refresh_token'], policy, accessSeconds })
  return { ...(await soak(server, randomNumbers(20260101))), told }
}

describe.each(engines)('T3.5 ten processes with private copies of one credential for eight hours on %s', (engine) => {
  test('shared-store: no human signs in again, and every late token is reported', { timeout: 60_000 }, async () => {
    const { refreshes, superseded, signIns, told } = await soakUnder('shared-store', engine)
    expect(signIns).toBe(0)
    expect(refreshes).toBeGreaterThan(300)
    // The run is worth something only if copies did grow old.
    expect(superseded).toBeGreaterThan(50)
    expect(told).toBe(superseded)
  })

  test.each(['rotating', 'strict'] as const)(
    '%s: the same eight hours sign people out',
    {
      timeout: 60_000,
    },
    async (policy) => {
      const { signIns } = await soakUnder(policy, engine)
      expect(signIns).toBeGreaterThan(20)
    },
  )
})
