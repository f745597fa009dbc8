import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { signIn } from './running-server/first-party-calls.ts'
import type { OwnStore } from './running-server/own-store.ts'
import { isQuiet, named, readFeed } from './running-server/read-feed.ts'
import { startServer } from './running-server/started-server.ts'
import { watchingVerifier } from './running-server/watching-verifier.ts'

const million = 1_000_000
const accessSeconds = 900

/**
 * Writes so many ended sessions into a feed at once, as rows like those that the server writes, one step each.
 *
 * @param idBytes half as many characters has each id
 */
function fill({ databaseFile }: OwnStore, count: number, at: number, idBytes = 11): void {
  const database = new DatabaseSync(databaseFile ?? '')
  const until = at + (accessSeconds + 90) * 1000
  database.exec(`
    BEGIN IMMEDIATE;
    INSERT INTO revocation_entries (sequence, place, kind, id, at, until)
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ${count})
    SELECT (SELECT sequence FROM revocation_feed) + number, 0, 'session',
      hex(randomblob(${idBytes})), ${at}, ${until}
    FROM numbers;
    UPDATE revocation_feed SET sequence = sequence + ${count};
    COMMIT;
  `)
  database.close()
}

/** What is in use once everything that is not has been collected. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed
}

function bytesOf({ databaseFile = '' }: OwnStore): number {
  const database = new DatabaseSync(databaseFile)
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
  return statSync(databaseFile).size
}

test('T6.4 1,000,000 revocations are held in bounds, told to who comes, and gone once no token needs them', async () => {
  await using server = await startServer({ engine: 'sqlite', configuration: { accessSeconds } })
  const { clock, storage, store } = server
  const empty = bytesOf(store)
  fill(store, million - 1, clock.now())
  const perRow = (bytesOf(store) - empty) / million
  const [kept, ended] = [await signIn(server), await signIn(server)]
  await server.pawl.administration.revokeSession(ended.session_id)

  const before = heapUsed()
  using verifier = watchingVerifier(server.issuer, { clock: clock.now })
  await expect.poll(() => verifier.feed.entries, { timeout: 120_000 }).toBe(million)
  await verifier.isFeed('live')
  expect(await verifier.verdict(kept.access_token)).toBe('accepted')
  expect(await verifier.verdict(ended.access_token)).toBe('revoked')
  const perEntry = (heapUsed() - before) / million

  // Entries last 90 s longer than the tokens, and a verifier keeps them as long as it accepts an expired one: 30 s.
  clock.advanceSeconds(accessSeconds + 90 + 60)
  await using reading = await readFeed(`${server.origin}/revocations`)
  expect(named(await reading.until(isQuiet))).toEqual([])
  await expect.poll(() => verifier.feed.entries, { timeout: 120_000 }).toBe(0)
  let removed = 0
  for (let gone = 500; gone === 500; removed += gone) gone = await storage.removeEndedRevocations(500)
  expect(removed).toBe(million)
  expect((await storage.readRevocationSteps(0)).steps).toEqual([])
  process.stdout.write(`an entry takes ${perRow.toFixed(0)} bytes in SQLite, ${perEntry.toFixed(0)} in a verifier\n`)
})

test('a reader that takes nothing costs its node no memory, and is let go', async () => {
  await using server = await startServer({ engine: 'sqlite', configuration: { accessSeconds } })
  const socket = connect(Number(new URL(server.origin).port), '127.0.0.1')
  socket.on('error', () => undefined).pause()
  socket.write('GET /revocations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const metrics = async () => (await server.send('/metrics')).text
  await expect.poll(metrics).toContain('pawl_revocation_readers 1')
  const before = heapUsed()
  // Far more than the system takes in for a connection that nobody reads: some 100 MB.
  const count = 100_000
  fill(server.store, count, server.clock.now(), 500)
  await expect.poll(metrics, { timeout: 120_000 }).toContain(`pawl_revocation_entries_total ${count}`)
  expect((heapUsed() - before) / 2 ** 20).toBeLessThan(20)
  await expect.poll(metrics, { timeout: 60_000, interval: 500 }).toContain('pawl_revocation_readers_dropped_total 1')
  expect(server.log.filter((line) => line.includes('took nothing for 30 seconds'))).toHaveLength(1)
  socket.resume()
  if (!socket.destroyed) await once(socket, 'close')
})
