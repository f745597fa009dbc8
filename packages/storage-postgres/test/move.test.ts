import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPawl, type Storage, sqliteStorage, type TransferTarget } from '@pawl/server'
import { manualClock } from '@pawl/server/storage-contract/fixture'
import {
  aClient,
  addUser,
  aMove,
  anEnding,
  anEvent,
  aRefreshKey,
  aSigningKey,
  inOrder,
  laptop,
  namedBytes,
  openSession,
} from '@pawl/server/storage-contract/records'
import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { describe, expect, onTestFinished, test } from 'vitest'
import { postgresStorage } from '../src/postgres-storage.ts'
import { carriedTables } from '../src/transfer-tables.ts'
import { type Point, tellingOf } from './move-points.ts'
import { clientForTest, newSchema, testUrl, urlForTest } from './postgres-fixture.ts'

const child = new URL('move-child.ts', import.meta.url).pathname
const longest = Number.MAX_SAFE_INTEGER

/** A SQLite store with something of everything in it, and an empty schema to move it to. Both go with the test. */
interface Installation {
  readonly file: string
  readonly schema: string
  /** Opens the store again, on the same clock. */
  readonly sqlite: () => Promise<Storage>
  readonly postgres: (schema?: string) => Promise<Storage>
  /** @param halfWay runs when some of the sessions are written */
  readonly move: (schema?: string, halfWay?: () => Promise<void>) => Promise<string>
}

async function installation(sessions: number): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-move-'))
  const file = join(folder, 'pawl.db')
  const schema = newSchema()
  const { now } = manualClock()
  const opened: Storage[] = []
  onTestFinished(async () => {
    await Promise.all(opened.map((storage) => storage.close()))
    rmSync(folder, { recursive: true })
  })
  const open = async (storage: Storage) => {
    await storage.open()
    opened.push(storage)
    return storage
  }
  await fill(await open(sqliteStorage({ file, clock: now })), sessions)
  const to = (target: string) => postgresStorage({ url: urlForTest(), schema: target, clock: now, connections: 2 })
  await dropAfter(schema)
  return {
    file,
    schema,
    sqlite: () => open(sqliteStorage({ file, clock: now })),
    postgres: (target = schema) => open(to(target)),
    move: async (target = schema, halfWay = async () => undefined) => {
      const { administration } = createPawl({
        storage: sqliteStorage({ file, clock: now }),
        issuer: 'http://localhost',
      })
      const reached = (point: Point) => (point === 'half way' ? halfWay() : undefined)
      return (await administration.move({ to: tellingOf(reached, to(target)), destination: target })).outcome
    },
  }
}

async function dropAfter(schema: string): Promise<void> {
  const client = await clientForTest()
  onTestFinished(async () => {
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
  })
}

async function fill(storage: Storage, sessions: number): Promise<void> {
  const ada = await addUser(storage, 'ada', { roles: ['editor', 'quo"te'] })
  const zoe = await addUser(storage, 'Zoë 😀', { createdAt: longest })
  await storage.recordExternalUser({ ...ada, id: 'from the application', passwordHash: null }, 'ada')
  const gone = await addUser(storage, 'gone')
  const app = aClient('app', {
    type: 'confidential',
    authentication: 'client_secret_basic',
    secretHash: namedBytes('secret', 32),
    redirectUris: ['https://app.example/back'],
    scopes: ['read', 'write'],
    resources: ['https://api.example'],
    policy: 'shared-store',
    accessSeconds: 60,
  })
  const signing = aClient('signing', {
    type: 'confidential',
    authentication: 'private_key_jwt',
    assertionKeys: {
      algorithm: 'ES256',
      jwks: [
        { kid: 'quo"te', jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } },
        { jwk: { kty: 'RSA', n: 'n', e: 'e' } },
      ],
    },
  })
  const itself = aClient('dyn_1', {
    name: 'Zoë’s client 😀',
    selfRegistration: { accessTokenHash: namedBytes('token', 32), expiresAt: longest },
  })
  const changing = { ...app, id: 'changing', previousSecretHash: namedBytes('before', 32), exchange: 'own' as const }
  for (const client of [app, aClient('other'), signing, changing, itself])
    await storage.addClient(client, anEvent('client_added', 1))
  await storage.addSigningKey(aSigningKey('one'), 0, anEvent('signing_key_added', 1))
  await storage.addSigningKey(aSigningKey('two', { algorithm: 'Ed25519' }), 1, anEvent('signing_key_added', 1))
  await storage.addRefreshKey(aRefreshKey('old', { retiredAt: 5 }), 2, anEvent('refresh_key_added', 1))
  await storage.addRefreshKey(aRefreshKey('new'), 3, anEvent('refresh_key_added', 1))
  await storage.declareAccessLifetime({ milliseconds: 900_000, until: longest })
  for (let number = 0; number < sessions; number += 1) await openSession(storage, `plain ${number}`, ada)
  const now = await storage.storeNow()
  await openSession(storage, 'signed in before', ada, { authenticatedAt: now - 5 })
  const consent = {
    userId: ada.id,
    clientId: 'app',
    scope: ['read'],
    resources: ['https://api.example'],
    grantedAt: now,
  }
  await storage.rememberConsent(consent, anEvent('consent_given', now))
  const unknownDevice = { address: null, userAgent: null }
  await openSession(storage, 'oldest', zoe, {
    clientId: 'app',
    scope: ['read'],
    generation: longest - 1,
    openedFrom: unknownDevice,
    lastUsedFrom: unknownDevice,
    binding: 'jkt:x',
    acr: 'urn:acr',
    delivery: 'body',
  })
  const travelled = await openSession(storage, 'travelled', zoe)
  const elsewhere = aMove(travelled, now, { usedFrom: { ...laptop, address: null }, lostSince: now - 5 })
  expect(await storage.moveSession({ ...elsewhere, event: anEvent('session_rolled_forward', now) })).toBe(true)
  await storage.countRepeat({ ...travelled, expectedGeneration: 1, now, holder: namedBytes('holder', 4) })
  await storage.countPeek({ ...travelled, expectedGeneration: 1, now })
  const left = await openSession(storage, 'left', zoe)
  await storage.endSession(anEnding(left, now))
  await openSession(storage, 'of somebody gone', gone)
  await storage.disableUser(gone.id, now, anEvent('user_disabled', now))
  await storage.countFailures('wrong 😀', 3, 1000)
  const [first] = await storage.nextEvents(1)
  if (first !== undefined) await storage.forgetEvents([first.sequence])
}

/** Everything that the ports tell of a store. */
async function toldBy(storage: Storage) {
  const { sessions } = await storage.listSessions(100_000)
  const ids = inOrder([...sessions.map(({ id }) => id), ...endedIds])
  return {
    users: await storage.listUsers(),
    byName: await storage.findUserByName('zoë 😀'),
    clients: await storage.listClients(),
    keys: await storage.readKeys(),
    sessions: await Promise.all(ids.map((id) => storage.readSession(id))),
    events: await storage.nextEvents(100_000),
    failures: await storage.readFailures('wrong 😀'),
    lostWrites: await storage.lostWrites(),
    revocations: await storage.readRevocationSteps(0),
  }
}

const endedIds = ['left', 'of somebody gone'].map((name) => Buffer.from(namedBytes(name, 16)).toString('base64url'))

describe.skipIf(testUrl === undefined)('moving from SQLite to PostgreSQL', () => {
  test('carries everything, bit for bit, over several batches; numbers go on where they stood', async () => {
    const { sqlite, postgres, move } = await installation(2500)
    const before = await sqlite()
    const told = await toldBy(before)
    expect(await move()).toBe('moved')
    const after = await postgres()
    expect(await toldBy(after)).toEqual(told)
    const last = (await after.nextEvents(100_000)).at(-1)?.sequence ?? 0
    await after.appendEvent(anEvent('session_stranger', 1))
    expect((await after.nextEvents(100_000)).at(-1)?.sequence).toBe(last + 1)
    expect(await after.addSigningKey(aSigningKey('three'), 4, anEvent('signing_key_added', 1))).toBe(true)
    expect((await after.readKeys()).signingKeys.map(({ kid }) => kid)).toEqual(['one', 'two', 'three'])
    await addUser(after, 'new')
    expect((await after.listUsers()).at(-1)?.username).toBe('new')
  })

  test('every table there is takes part, but the tickets, which count for minutes', async () => {
    const { schema, postgres } = await installation(0)
    await postgres()
    const client = await clientForTest()
    const { rows } = await client.query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema])
    const tables = rows.map((row) => String(row['tablename']))
    expect(new Set(tables)).toEqual(new Set([...carriedTables, 'arrival', 'schema_version', 'tickets']))
  })

  test('an event number is not used again, also where no event waits any more', async () => {
    const { sqlite, postgres, move } = await installation(0)
    const storage = await sqlite()
    const waiting = await storage.nextEvents(100_000)
    await storage.forgetEvents(waiting.map(({ sequence }) => sequence))
    expect(await move()).toBe('moved')
    const after = await postgres()
    await after.appendEvent(anEvent('session_stranger', 1))
    expect((await after.nextEvents(1)).map(({ sequence }) => sequence)).toEqual([(waiting.at(-1)?.sequence ?? 0) + 1])
  })

  test('a second time is told from the first, and from a move to elsewhere', async () => {
    const { move, postgres } = await installation(1)
    const elsewhere = newSchema()
    await dropAfter(elsewhere)
    expect(await move()).toBe('moved')
    expect(await move()).toBe('moved_before')
    expect(await move(elsewhere)).toBe('moved_elsewhere')
    await postgres()
  })

  test('what an earlier move left elsewhere is neither opened nor taken for where everything is now', async () => {
    const undone = await installation(1)
    const cut = await installation(1)
    for (const { move, schema } of [undone, cut]) {
      const elsewhere = newSchema()
      await dropAfter(elsewhere)
      if (schema === undone.schema) {
        expect(await move()).toBe('moved')
        await undo(undone)
      } else expect(await cutOff(cut, 'received')).toBe('SIGKILL')
      expect(await move(elsewhere)).toBe('moved')
      expect(await move()).toBe('moved_elsewhere')
      expect(await move(elsewhere)).toBe('moved_before')
    }
    expect(await opens(cut.postgres)).toBe(false)
  })

  test('into a database that is in use changes nothing on either side', async () => {
    const { move, sqlite, postgres } = await installation(1)
    const other = await postgres()
    await addUser(other, 'somebody else')
    expect(await move()).toBe('target_in_use')
    expect(await other.listUsers()).toHaveLength(1)
    expect(await (await sqlite()).listUsers()).toHaveLength(4)
  })

  test('into what another move has left unfinished, or what a move that was undone has left, is refused', async () => {
    const one = await installation(1)
    const two = await installation(1)
    expect(await cutOff(one, 'departed')).toBe('SIGKILL')
    expect(await two.move(one.schema)).toBe('target_taken')
    expect(await two.move()).toBe('moved')
    await undo(two)
    expect(await two.move()).toBe('target_outdated')
    await two.sqlite()
  })

  test('undone before it was finished can be done again', async () => {
    const cut = await installation(1)
    const told = await toldBy(await cut.sqlite())
    expect(await cutOff(cut, 'departed')).toBe('SIGKILL')
    await undo(cut)
    await cut.sqlite()
    expect(await cut.move()).toBe('moved')
    const { revocations, ...rest } = await toldBy(await cut.postgres())
    expect({ ...rest, revocations: told.revocations }).toEqual(told)
    // What the feed of the other store told after the move, this one would never tell: its readers have to begin anew.
    expect(revocations.steps).toEqual(told.revocations.steps)
    expect(revocations.position.epoch).not.toBe(told.revocations.position.epoch)
  })

  test('a database that goes away in the midst of it leaves everything where it was', async () => {
    const { move, sqlite, schema } = await installation(2500)
    const client = await clientForTest()
    const error = await move(schema, async () => {
      await client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE $1',
        [`%${schema}%`],
      )
    }).catch((thrown: unknown) => thrown)
    expect(isStorageUnavailable(error)).toBe(true)
    await sqlite()
    expect(await move()).toBe('moved')
  })
})

test.skipIf(testUrl === undefined)(
  'what was not written as it was read is found out, and changes nothing on either side',
  async () => {
    const { file, schema, sqlite, postgres } = await installation(1)
    const to = postgresStorage({ url: urlForTest(), schema })
    const careless = (): TransferTarget => {
      const target = to.transferTarget?.()
      if (target === undefined) throw new Error('it cannot be moved into')
      return {
        ...target,
        receive: (id, work) =>
          target.receive(id, (writer, reader) => {
            const failures: typeof writer.failures = (batch) =>
              writer.failures(batch.map((failure) => ({ ...failure, count: failure.count + 1 })))
            return work({ ...writer, failures }, reader)
          }),
      }
    }
    const { administration } = createPawl({ storage: sqliteStorage({ file }), issuer: 'http://localhost' })
    const outcome = await administration.move({ to: { ...to, transferTarget: careless }, destination: 'x' })
    expect(outcome).toEqual({ outcome: 'not_alike', kind: 'failures' })
    await sqlite()
    expect(await (await postgres()).listUsers()).toEqual([])
  },
)

describe.skipIf(testUrl === undefined)('a move that is killed', () => {
  test.each([
    ['begun', 'sqlite', 'moved'],
    ['half way', 'sqlite', 'moved'],
    ['written', 'sqlite', 'moved'],
    // The database has everything, and nobody may use it: SQLite does not know that yet.
    ['received', 'sqlite', 'moved'],
    ['departed', 'neither', 'finished'],
    ['finished', 'postgres', 'moved_before'],
  ] as const)(
    'at "%s" leaves %s in use, and the next one ends "%s" with everything there',
    async (point, inUse, outcome) => {
      const cut = await installation(1200)
      const told = await toldBy(await cut.sqlite())
      expect(await cutOff(cut, point)).toBe('SIGKILL')
      expect(await opens(cut.sqlite)).toBe(inUse === 'sqlite')
      const isEmpty = point === 'begun' || point === 'half way' || point === 'written'
      if (!isEmpty) expect(await opens(cut.postgres)).toBe(inUse === 'postgres')
      expect(await cut.move()).toBe(outcome)
      expect(await opens(cut.sqlite)).toBe(false)
      expect(await toldBy(await cut.postgres())).toEqual(told)
    },
  )
})

async function opens(open: () => Promise<Storage>): Promise<boolean> {
  try {
    await open()
    return true
  } catch (error) {
    expect(isStorageUnavailable(error)).toBe(true)
    return false
  }
}

/** Runs a move in a process that dies at a point, and tells of which signal. */
async function cutOff({ file, schema }: Installation, point: string): Promise<NodeJS.Signals | null> {
  const process_ = spawn(process.execPath, [child, file, urlForTest(), schema, point], { stdio: 'inherit' })
  const [, signal] = await once(process_, 'exit')
  return signal
}

async function undo({ file }: Installation): Promise<void> {
  const { administration } = createPawl({ storage: sqliteStorage({ file }), issuer: 'http://localhost' })
  expect(await administration.undoMove()).toMatchObject({ kind: 'departed' })
}
