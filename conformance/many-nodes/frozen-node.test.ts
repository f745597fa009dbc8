import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { freezeFamily } from '../postgres/process-family.ts'
import { eventually } from '../running-server/eventually.ts'
import { refresh, signIn } from '../running-server/first-party-calls.ts'
import { temporaryData } from '../running-server/started-process.ts'
import { processesOf, startFleet } from './fleet.ts'
import { newAttemptId } from './shared-store.ts'

const windowSeconds = 2
/** Several, so that the process has its hands full when it wakes up, and reads ends of connections late. */
const sessions = 12

describe('a node that stands still for longer than its clients wait', () => {
  test('wakes up with a request whose client has long gone on elsewhere: nobody is signed out (F18)', async () => {
    await using data = await temporaryData()
    const environment = { PAWL_RACE_WINDOW_SECONDS: String(windowSeconds) }
    await using fleet = await startFleet({ count: 2, path: data.path, environment })
    const [frozen, awake] = processesOf(fleet)
    const signedIn = await Promise.all(Array.from({ length: sessions }, () => signIn(awake)))
    await freezeFamily(frozen.pid)
    const newest = await Promise.all(
      signedIn.map(async ({ refresh_token: first }) => {
        const attempt_id = newAttemptId()
        await sendAndLeave(frozen.port, JSON.stringify({ refresh_token: first, attempt_id }))
        const second = await refresh(awake, first, { attempt_id })
        return refresh(awake, second.refresh_token, { attempt_id: newAttemptId() })
      }),
    )
    // The window is the very thing that must have passed.
    await pause(windowSeconds * 1000 + 500)
    frozen.signal('SIGCONT')
    await eventually(() => expect(frozen.stderr().match(/"route":"\/auth\/refresh"/g)).toHaveLength(sessions))
    await Promise.all(newest.map(({ refresh_token }) => refresh(frozen, refresh_token)))
    expect(fleet.log()).not.toMatch(/"type":"session_(replayed|superseded_use|rolled_forward|ended)"/)
  })
})

/** The system takes the connection and keeps what is sent, though the process does not read it; then the client is gone. */
async function sendAndLeave(port: number, body: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const head = `POST /auth/refresh HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
  await new Promise((resolve) => socket.write(`${head}\r\n\r\n${body}`, resolve))
  socket.destroy()
  await once(socket, 'close')
}
