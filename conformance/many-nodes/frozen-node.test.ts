import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { freezeFamily } from '../postgres/process-family.ts'
import { refresh, signIn } from '../running-server/first-party-calls.ts'
import { temporaryData } from '../running-server/started-process.ts'
import { processesOf, startFleet } from './fleet.ts'
import { newAttemptId } from './shared-store.ts'

const windowSeconds = 2

describe('a node that stands still for longer than its clients wait', () => {
  test('wakes up with a request whose client has long gone on elsewhere: nobody is signed out (F18)', async () => {
    await using data = await temporaryData()
    const environment = { PAWL_RACE_WINDOW_SECONDS: String(windowSeconds) }
    await using fleet = await startFleet({ count: 2, path: data.path, environment })
    const [frozen, awake] = processesOf(fleet)
    const { refresh_token: first } = await signIn(awake)
    await freezeFamily(frozen.pid)
    // The system takes the connection and keeps what is sent, though the process does not read it.
    const attempt_id = newAttemptId()
    const givenUp = new AbortController()
    const late = fetch(`http://127.0.0.1:${frozen.port}/auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh_token: first, attempt_id }),
      signal: givenUp.signal,
    })
    await pause(300)
    givenUp.abort()
    await expect(late).rejects.toThrow()
    const second = await refresh(awake, first, { attempt_id })
    const third = await refresh(awake, second.refresh_token, { attempt_id: newAttemptId() })
    await pause(windowSeconds * 1000 + 500)
    frozen.signal('SIGCONT')
    // It answers in the order in which it was asked, so it has done with that request when it has answered this one.
    expect((await frozen.send('/health/live')).status).toBe(200)
    await pause(500)
    await refresh(frozen, third.refresh_token)
    expect(fleet.log()).not.toMatch(/"type":"session_(replayed|superseded_use|rolled_forward|ended)"/)
  })
})
