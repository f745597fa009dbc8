import { randomInt } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { addUser, aMove, moved, openSession } from '../../src/storage/contract/records.ts'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts'
import type { SessionRecord } from '../../src/tokens/session.ts'
import { sqliteForTest } from './sqlite-fixture.ts'

const lasting = { idleExpiresAt: Number.MAX_SAFE_INTEGER, absoluteExpiresAt: Number.MAX_SAFE_INTEGER }

/** What a power cut may make of what was not yet flushed, from a position of the log on. */
const tears: Readonly<Record<string, (log: Buffer, position: number) => Buffer>> = {
  'cut off': (log, position) => log.subarray(0, position),
  'zeros from there on': (log, position) => Buffer.from(log).fill(0, position),
  'garbage from there on': (log, position) => Buffer.from(log).fill('torn write ', position),
  'one bit the other way': (log, position) => {
    const torn = Buffer.from(log)
    torn.writeUInt8(torn.readUInt8(position) ^ 1, position)
    return torn
  },
}

test('B4 F8 a log that is torn behind the last acknowledged write holds every acknowledged write, whole transactions only', {
  timeout: 60_000,
}, async () => {
  const { storage, file, clock } = await sqliteForTest()
  const user = await addUser(storage, 'ada')
  let sessions: readonly SessionRecord[] = await Promise.all(
    ['one', 'two', 'three', 'four', 'five'].map((name) => openSession(storage, name, user, lasting)),
  )
  /** After each acknowledgement: how long the log was, and where the sessions stood. */
  const acknowledged = [{ length: statSync(`${file}-wal`).size, generations: sessions.map(generationOf) }]
  for (let round = 1; round <= 60; round += 1) {
    clock.advance(1)
    // Moves of one turn share a transaction, so a state with some of them only would be half a write.
    const moves = sessions.map((session, index) =>
      index % 5 < 1 + (round % 5) ? aMove(session, clock.now(), lasting) : undefined,
    )
    await Promise.all(moves.map((move) => move && storage.moveSession(move)))
    sessions = sessions.map((session, index) => {
      const move = moves[index]
      return move === undefined ? session : moved(session, move)
    })
    acknowledged.push({ length: statSync(`${file}-wal`).size, generations: sessions.map(generationOf) })
  }
  const log = readFileSync(`${file}-wal`)
  // Nothing was moved into the file meanwhile: the log alone has it all.
  expect(acknowledged.map(({ length }) => length)).toEqual(
    acknowledged.map(({ length }) => length).toSorted((a, b) => a - b),
  )
  const first = acknowledged[0]?.length ?? 0
  const copy = `${dirname(file)}/torn/pawl.db`
  mkdirSync(dirname(copy))
  copyFileSync(file, `${file}-beside`)

  for (let attempt = 0; attempt < 80; attempt += 1) {
    const [name, tear] = Object.entries(tears)[attempt % 4] ?? []
    if (name === undefined || tear === undefined) throw new Error('there are tears')
    const position = attempt < 4 ? first : randomInt(first, log.length)
    for (const part of ['-wal', '-shm']) rmSync(copy + part, { force: true })
    copyFileSync(`${file}-beside`, copy)
    writeFileSync(`${copy}-wal`, tear(log, position))

    const stands = acknowledged.findLast(({ length }) => length <= position)?.generations
    const restarted = sqliteStorage({ file: copy, clock: clock.now })
    await restarted.open()
    const readings = await Promise.all(sessions.map(({ id }) => restarted.readSession(id)))
    const found = readings.flatMap(({ session }) => session ?? [])
    expect(found.map(generationOf), `${name} at ${position}`).toEqual(stands)
    expect(await restarted.findDamage()).toEqual([])
    // It goes on from there.
    const [session] = found
    if (session === undefined) throw new Error('there are sessions')
    expect(await restarted.moveSession(aMove(session, clock.now(), lasting))).toBe(true)
    await restarted.close()
  }
})

function generationOf(session: SessionRecord): number {
  return session.generation
}
