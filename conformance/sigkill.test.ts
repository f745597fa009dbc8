import { expect, test } from 'vitest'
import { signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { readRefreshToken } from './running-server/refresh-token-form.ts'
import { bodyReply } from './running-server/replies.ts'
import { type StartedProcess, startProcess, temporaryData } from './running-server/started-process.ts'
import { storedGenerations } from './running-server/stored-state.ts'

const rounds = 6
const holders = 8

test(`SIGKILL under load, restart: every acknowledged refresh token still works, ${rounds} times (T4.4)`, {
  timeout: 120_000,
}, async () => {
  await using data = await temporaryData()
  let server = await startProcess(data)
  const { issuer } = server
  /** The newest refresh token that each holder was ever answered. */
  const acknowledged: string[] = []
  try {
    while (acknowledged.length < holders) acknowledged.push((await signIn(server)).refresh_token)
    for (let round = 0; round < rounds; round += 1) {
      const answers = await refreshUntilKilled(server, acknowledged, 10 + ((round * 37) % 120))
      expect(answers, `round ${round}`).toBeGreaterThan(holders)
      // What was answered is on the disk: a server that catches up by rolling forward has lost it all the same.
      const stored = await storedGenerations(data.store)
      for (const token of acknowledged) {
        expect(stored.get(sessionOf(token)), `round ${round}`).toBeGreaterThanOrEqual(generationOf(token))
      }
      server = await startProcess(data, { PAWL_ISSUER: issuer })
      for (const [holder, token] of acknowledged.entries()) {
        const reply = await tryRefresh(server, token)
        expect(reply.status, `round ${round}: ${reply.text}`).toBe(200)
        const successor = reply.read(bodyReply).refresh_token
        expect(generationOf(successor)).toBeGreaterThan(generationOf(token))
        acknowledged[holder] = successor
      }
    }
  } finally {
    await server[Symbol.asyncDispose]()
  }
})

/** Each holder refreshes as fast as it is answered; after so many answers the process is killed. Tells how many came. */
async function refreshUntilKilled(server: StartedProcess, acknowledged: string[], killAfter: number): Promise<number> {
  let answers = 0
  let killed = false
  const holding = acknowledged.map(async (_, holder) => {
    while (!killed) {
      let reply: Awaited<ReturnType<typeof tryRefresh>>
      try {
        reply = await tryRefresh(server, acknowledged[holder] ?? '')
      } catch (error) {
        // The connection broke: nobody knows whether this refresh was committed. Before the kill that must not happen.
        if (killed) return
        throw error
      }
      expect(reply.status, reply.text).toBe(200)
      acknowledged[holder] = reply.read(bodyReply).refresh_token
      answers += 1
      if (answers < killAfter || killed) continue
      killed = true
      server.signal('SIGKILL')
    }
  })
  await Promise.all(holding)
  await server.end
  return answers
}

function sessionOf(token: string): string {
  return Buffer.from(readRefreshToken(token).sessionId).toString('base64url')
}

function generationOf(token: string): number {
  return Number(readRefreshToken(token).generation)
}
