import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { findFreePort } from './running-server/free-port.ts'
import type { Reply } from './running-server/http-request.ts'
import { readRefreshToken } from './running-server/refresh-token-form.ts'
import { bodyReply } from './running-server/replies.ts'
import { runPawl, type StartedProcess, startProcess, temporaryData } from './running-server/started-process.ts'
import { storedGenerations } from './running-server/stored-state.ts'

const rounds = 200

/** Whoever holds a session: one with attempt ids, one without, or two tabs of one store that know nothing of each other. */
const kinds = ['with attempt ids', 'without', 'two tabs'] as const

interface Holder {
  readonly kind: (typeof kinds)[number]
  readonly sessionId: string
  /** The newest token that was ever answered; what a restart may not lose. */
  token: string
  /** Made once for each generation and kept beside the token, before the first try. */
  attemptId: string
}

test(`SIGKILL at random points under load, ${rounds} times: what was acknowledged is there, every holder goes on by trying again, none is signed out (T4.4)`, {
  timeout: 1_500_000,
}, async () => {
  await using data = await temporaryData()
  let server = await startProcess(data)
  const { issuer } = server
  const counts = { answers: 0, lostReplies: 0, killedWhileStarting: 0 }
  try {
    const holders: Holder[] = []
    while (holders.length < 12) {
      const { session_id, refresh_token } = await signIn(server)
      const kind = kinds[holders.length % kinds.length] ?? 'without'
      holders.push({ kind, sessionId: session_id, token: refresh_token, attemptId: newAttemptId() })
    }
    for (let round = 0; round < rounds; round += 1) {
      counts.answers += await loadUntilKilled(server, holders)
      const stands = await storedGenerations(data.store)
      for (const { sessionId, token, kind } of holders) {
        // At most one more: committed, and killed before the answer.
        const ahead = (stands.get(sessionId) ?? -1) - generationOf(token)
        expect([0, 1], `round ${round}, ${kind}`).toContain(ahead)
        counts.lostReplies += ahead
      }
      if (round % 10 === 9) counts.killedWhileStarting += await killWhileStarting(data.path)
      server = await startProcess(data, { PAWL_ISSUER: issuer })
      await Promise.all(holders.map((holder) => goOn(server, holder, `round ${round}`)))
    }
    const { sessions } = JSON.parse((await runPawl(['session', 'list', '--json'], { PAWL_DATA: data.path })).stdout)
    expect(sessions).toHaveLength(holders.length)
    expect((await runPawl(['doctor'], { PAWL_DATA: data.path })).status).toBe(0)
    const { stderr } = await server.stop()
    expect(stderr).not.toMatch(/session_(replayed|superseded_use|rolled_forward|ended)/)
  } finally {
    await server[Symbol.asyncDispose]()
  }
  // Otherwise the kills came where nothing was at stake.
  expect(counts.lostReplies).toBeGreaterThan(rounds / 10)
  expect(counts.killedWhileStarting).toBeGreaterThan(0)
  expect(counts.answers).toBeGreaterThan(rounds * 20)
  process.stderr.write(`${JSON.stringify({ rounds, ...counts })}\n`)
})

/** Every holder refreshes as fast as it is answered, until the process is killed. Tells how many answers came. */
async function loadUntilKilled(server: StartedProcess, holders: readonly Holder[]): Promise<number> {
  let answers = 0
  let killed = false
  const killAfter = randomInt(1, 120)
  const holding = holders.map(async (holder) => {
    while (!killed) {
      const tabs =
        holder.kind === 'two tabs' ? [present(server, holder), present(server, holder)] : [present(server, holder)]
      for (const outcome of await Promise.allSettled(tabs)) {
        if (outcome.status === 'fulfilled') {
          adopt(holder, outcome.value, 'under load')
          answers += 1
        } else if (!killed) {
          // The connection broke though nobody had killed the process yet.
          throw outcome.reason
        }
      }
      if (answers < killAfter || killed) continue
      killed = true
      // Anywhere in what the others have under way: reading, waiting for the disk, answering.
      await pause(randomInt(0, 6))
      server.signal('SIGKILL')
    }
  })
  await Promise.all(holding)
  await server.end
  return answers
}

/** Starts a process on the data and kills it, most often before it listens. */
async function killWhileStarting(path: string): Promise<number> {
  const environment = { PAWL_DATA: path, PORT: String(await findFreePort()) }
  const { signal } = await runPawl(['start'], environment, '', randomInt(50, 900))
  return signal === 'SIGKILL' ? 1 : 0
}

/** The holder tries again with what it has, and again with what it gets. */
async function goOn(server: StartedProcess, holder: Holder, when: string): Promise<void> {
  for (let time = 0; time < 2; time += 1) {
    const before = generationOf(holder.token)
    adopt(holder, await present(server, holder), `${when}, ${holder.kind}`)
    expect(generationOf(holder.token)).toBeGreaterThan(before)
  }
}

async function present(server: StartedProcess, holder: Holder): Promise<Reply> {
  const { token, attemptId, kind } = holder
  return tryRefresh(server, token, kind === 'with attempt ids' ? { attempt_id: attemptId } : {})
}

/** Keeps what it was answered, unless it has newer already. */
function adopt(holder: Holder, reply: Reply, when: string): void {
  expect(reply.status, `${when}: ${reply.text}`).toBe(200)
  const { refresh_token, session_id } = reply.read(bodyReply)
  expect(session_id).toBe(holder.sessionId)
  if (generationOf(refresh_token) <= generationOf(holder.token)) return
  holder.token = refresh_token
  holder.attemptId = newAttemptId()
}

function newAttemptId(): string {
  return randomBytes(16).toString('base64url')
}

function generationOf(token: string): number {
  return Number(readRefreshToken(token).generation)
}
