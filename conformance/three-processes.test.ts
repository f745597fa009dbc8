import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { bodyReply } from './running-server/replies.ts'
import { type StartedProcess, startProcess, temporaryData } from './running-server/started-process.ts'

const suspicion = z.array(z.strictObject({ generation: z.instanceof(Uint8Array), repeats: z.int(), revoked: z.null() }))

/** Every session in the file, as another program sees it. */
function sessionsIn(databaseFile: string): z.infer<typeof suspicion> {
  const database = new DatabaseSync(databaseFile, { readOnly: true })
  try {
    return suspicion.parse(
      database
        .prepare('SELECT generation, repeats, revoked_reason AS revoked FROM sessions')
        .all()
        .map((row) => ({ ...row })),
    )
  } finally {
    database.close()
  }
}

describe('three server processes over one SQLite file', () => {
  test('T1.1 of 50 parallel refreshes of one token all are answered, with one successor, and no alarm is raised', {
    timeout: 60_000,
  }, async () => {
    await using data = await temporaryData()
    await using one = await startProcess(data)
    const environment = { PAWL_ISSUER: one.issuer }
    await using two = await startProcess(data, environment)
    await using three = await startProcess(data, environment)
    const nodes: readonly StartedProcess[] = [one, two, three]
    let { refresh_token: token } = await signIn(one)

    for (let generation = 1; generation <= 5; generation += 1) {
      const calls = Array.from({ length: 50 }, (_, index) => tryRefresh(nodes[index % 3] ?? one, token))
      const replies = await Promise.all(calls)
      expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
      const successors = new Set(replies.map((reply) => reply.read(bodyReply).refresh_token))
      expect(successors.size).toBe(1)
      const expected = Buffer.alloc(8)
      expected.writeBigUInt64BE(BigInt(generation))
      expect(sessionsIn(data.databaseFile)).toEqual([
        { generation: new Uint8Array(expected), repeats: 49, revoked: null },
      ])
      const [successor = ''] = successors
      token = successor
    }

    for (const node of nodes) await node.stop()
    const log = nodes.map((node) => node.stderr()).join('')
    expect(log).toContain('session_opened')
    expect(log).not.toMatch(/session_(replayed|superseded_use|rolled_forward|ended)/)
    // Each of the three took part.
    for (const node of nodes) expect(node.stderr()).toContain('"outcome":"repeat"')
  })
})
