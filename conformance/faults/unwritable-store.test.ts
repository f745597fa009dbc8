import { chmod } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { refresh, signIn } from '../running-server/first-party-calls.ts'
import { findFreePort } from '../running-server/free-port.ts'
import { mayMount, smallDisk } from '../running-server/small-disk.ts'
import { runPawl, startProcess, type TemporaryData, temporaryData } from '../running-server/started-process.ts'

const isRoot = process.getuid?.() === 0

describe('a store that may only be read', () => {
  test.skipIf(!mayMount)(
    'on a read-only file system keeps the server from starting, which says so; nothing is lost (needs root to mount a file system)',
    async () => {
      using disk = smallDisk(8)
      await using data = await temporaryData(disk.path)
      await refusedUntilWritable(
        data,
        /EROFS.*The file system is read-only\. Set PAWL_DATA to a directory/,
        async (writable) => {
          disk.setWritable(writable)
        },
      )
    },
  )

  test.skipIf(isRoot)(
    'by its mode keeps the server from starting, which says so; nothing is lost (needs a user who is not root)',
    async () => {
      await using data = await temporaryData()
      await refusedUntilWritable(data, /EACCES.*Give it access to PAWL_DATA/, async (writable) => {
        await chmod(data.databaseFile, writable ? 0o600 : 0o400)
      })
    },
  )
})

async function refusedUntilWritable(
  data: TemporaryData,
  told: RegExp,
  setWritable: (writable: boolean) => Promise<void>,
): Promise<void> {
  await using first = await startProcess(data)
  const session = await signIn(first)
  await first.stop()
  await setWritable(false)
  try {
    const environment = { PAWL_DATA: data.path, PORT: String(await findFreePort()) }
    const refused = await runPawl(['start'], environment)
    expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status: 1, stdout: '' })
    expect(refused.stderr).toMatch(told)
    const doctor = await runPawl(['doctor'], environment)
    expect(doctor).toMatchObject({ status: 1, stdout: expect.stringMatching(/^PROBLEM files .*cannot be written/m) })
  } finally {
    await setWritable(true)
  }
  await using second = await startProcess(data, { PAWL_ISSUER: first.issuer })
  expect((await refresh(second, session.refresh_token)).session_id).toBe(session.session_id)
}
