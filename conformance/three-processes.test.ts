import { describe, expect, test } from 'vitest'
import { signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { bodyReply } from './running-server/replies.ts'
import {
  type StartedProcess,
  startProcess,
  type TemporaryData,
  temporaryData,
} from './running-server/started-process.ts'
import { storedRows, wholeNumber } from './running-server/stored-state.ts'

/** Every session, as another program sees it. */
async function sessionsIn({ store }: TemporaryData): Promise<readonly unknown[]> {
  const rows = await storedRows(store, 'SELECT generation, repeats, revoked_reason AS revoked FROM sessions')
  return rows.map(({ generation, repeats, revoked }) => [wholeNumber(generation), wholeNumber(repeats), revoked])
}

describe('three server processes over one database', () => {
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
      expect(await sessionsIn(data)).toEqual([[generation, 49, null]])
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
