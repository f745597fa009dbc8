import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { runPawl, startProcess, temporaryData } from './running-server/started-process.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'

const limits = { accessSeconds: 20, idleSeconds: 100, absoluteSeconds: 250 }

async function explain(server: StartedServer, sessionId: string) {
  const listed = await server.pawl.administration.listSessions({ limit: 1000 })
  if (listed.outcome !== 'listed') throw new Error(listed.outcome)
  const session = listed.sessions.find(({ id }) => id === sessionId)
  if (session === undefined) throw new Error('there is no such session')
  return session
}

describe.each(engines)('T32.1 when and by which limit a session ends, on %s', (engine) => {
  test('is told beforehand, and comes true to the millisecond', { timeout: 60_000 }, async () => {
    await using server = await startServer({ engine, configuration: limits })
    const pauses = fc.array(fc.integer({ min: 0, max: 99_999 }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(pauses, async (milliseconds) => {
        let { refresh_token, session_id } = await signIn(server)
        const signedInAt = server.clock.now()
        let usedAt = signedInAt
        for (const pause of milliseconds) {
          if (server.clock.now() + pause >= signedInAt + 250_000) break
          server.clock.advanceMilliseconds(pause)
          usedAt = server.clock.now()
          refresh_token = (await refresh(server, refresh_token)).refresh_token
        }
        const { endsAt, endsBy } = await explain(server, session_id)
        expect(endsAt).toBe(Math.min(usedAt + 100_000, signedInAt + 250_000))
        expect(endsBy).toBe(endsAt === signedInAt + 250_000 ? 'absolute' : 'idle')
        server.clock.advanceMilliseconds(endsAt - 1 - server.clock.now())
        expect(await explain(server, session_id)).toMatchObject({ endsAt, endsBy })
        server.clock.advanceMilliseconds(1)
        expectRefusal(await tryRefresh(server, refresh_token), 'invalid_grant', `${endsBy}_expired`)
      }),
      { numRuns: 30, seed: 20260101 },
    )
  })
})

const listing = z.strictObject({
  sessions: z.tuple([
    z.looseObject({
      created_at: z.iso.datetime(),
      last_used_at: z.iso.datetime(),
      ends_at: z.iso.datetime(),
      ends_by: z.enum(['idle', 'absolute']),
      generation: z.int(),
      repeats: z.int(),
      repeat_holders: z.int(),
      peeks: z.int(),
    }),
  ]),
})

test('T32.1 F21 pawl session list tells the end and its limit, and what looks suspicious', async () => {
  await using data = await temporaryData()
  await using server = await startProcess(data, { PAWL_IDLE_SECONDS: '5000', PAWL_ABSOLUTE_SECONDS: '6000' })
  const list = async () => {
    const { status, stdout } = await runPawl(['session', 'list', '--json'], { PAWL_DATA: data.path })
    expect(status).toBe(0)
    return listing.parse(JSON.parse(stdout)).sessions[0]
  }
  const session = await signIn(server)
  const opened = await list()
  expect(opened).toMatchObject({ generation: 0, repeats: 0, repeat_holders: 0, peeks: 0, ends_by: 'idle' })
  expect(Date.parse(opened.ends_at) - Date.parse(opened.last_used_at)).toBe(5_000_000)

  const headers = { 'user-agent': 'Owner/1.0' }
  const advance = { json: { refresh_token: session.refresh_token }, headers }
  expect((await server.send('/auth/refresh', advance)).status).toBe(200)
  for (const agent of ['Owner/1.0', 'Other/1.0', 'Other/1.0', 'Third/1.0']) {
    const again = { json: { refresh_token: session.refresh_token }, headers: { 'user-agent': agent } }
    expect((await server.send('/auth/refresh', again)).status).toBe(200)
  }
  expect(await list()).toMatchObject({ generation: 1, repeats: 4, repeat_holders: 2 })

  const text = await runPawl(['session', 'list'], { PAWL_DATA: data.path })
  expect(text.stdout).toMatch(/ENDS +BY +ADDRESS/)
  const inspected = await runPawl(['token', 'inspect'], { PAWL_DATA: data.path }, session.refresh_token)
  expect(inspected.stdout).toMatch(/ends +\S+ if nothing uses it before/)
})
