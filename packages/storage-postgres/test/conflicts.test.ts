import { addUser, aMove, anEvent, aRefreshKey, aSession, openSession } from '@pawl/server/storage-contract/records'
import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { describe, expect, test } from 'vitest'
import { databaseLocation } from '../src/connection-settings.ts'
import { postgresDatabase } from '../src/database.ts'
import { schemaSteps } from '../src/schema-steps.ts'
import { clientForTest, postgresForTest, testUrl, urlForTest } from './postgres-fixture.ts'

describe.skipIf(testUrl === undefined)('transactions that meet (needs the package postgresql)', () => {
  /** A trigger that fails the first so many writes of a table. A sequence counts them, for it is not rolled back. */
  async function withTrouble(state: string, times: number) {
    const fixture = await postgresForTest()
    const client = await clientForTest()
    const inSchema = `"${fixture.schema}"`
    await client.query(`
      CREATE SEQUENCE ${inSchema}.troubles;
      CREATE FUNCTION ${inSchema}.trouble() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('${inSchema}.troubles') <= ${times} THEN RAISE EXCEPTION 'forced' USING ERRCODE = '${state}'; END IF;
        RETURN NEW;
      END $$`)
    return {
      ...fixture,
      async arm(table: string): Promise<void> {
        await client.query(`
          SELECT setval('${inSchema}.troubles', 1, false);
          CREATE TRIGGER trouble BEFORE INSERT OR UPDATE ON ${inSchema}.${table}
          FOR EACH ROW EXECUTE FUNCTION ${inSchema}.trouble()`)
      },
      async met(): Promise<number> {
        return Number((await client.query(`SELECT last_value FROM ${inSchema}.troubles`)).rows[0].last_value)
      },
    }
  }

  describe.each(['40001', '40P01'])('T10.3 a forced %s', (state) => {
    test('never leaves the engine when a session moves', async () => {
      const { storage, clock, arm, met } = await withTrouble(state, 3)
      const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
      await arm('sessions')
      expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
      expect(await met()).toBe(4)
      expect((await storage.readSession(session.id)).session?.generation).toBe(1)
    })

    test('never leaves the engine when a session is opened', async () => {
      const { storage, clock, arm, met } = await withTrouble(state, 3)
      const user = await addUser(storage, 'ada')
      await arm('sessions')
      const session = aSession('tab', user, clock.now())
      expect(await storage.openSession(session, anEvent('session_opened', 1))).toBe('opened')
      expect(await met()).toBe(4)
    })

    test('never leaves the engine when a transaction of several statements meets it, at whichever of them', async () => {
      const { storage, clock, arm, met } = await withTrouble(state, 3)
      const user = await addUser(storage, 'ada')
      const session = await openSession(storage, 'tab', user)
      await arm('security_events')
      expect(await storage.disableUser(user.id, clock.now(), anEvent('user_disabled', 1))).toBe(true)
      expect(await met()).toBe(4)
      expect((await storage.readSession(session.id)).session?.revokedReason).toBe('user_disabled')
    })

    test('never leaves the engine when a key is added', async () => {
      const { storage, arm, met } = await withTrouble(state, 3)
      await arm('refresh_keys')
      const version = await storage.keysVersion()
      expect(await storage.addRefreshKey(aRefreshKey('one'), version, anEvent('refresh_key_added', 1))).toBe(true)
      expect(await met()).toBe(4)
    })

    test('that does not end is a store that is away, after the deadline', async () => {
      const { arm, schema } = await withTrouble(state, 1_000_000)
      let instant = 0
      const database = postgresDatabase({
        location: databaseLocation(urlForTest()),
        schema,
        connections: 1,
        clock: undefined,
        monotonic: () => {
          instant += 1000
          return instant
        },
        fraction: () => 0,
        steps: schemaSteps,
      })
      await database.open()
      await arm('users')
      const write = database.change(
        {
          name: 'write',
          text: `INSERT INTO "${schema}".users (created_at, id, username, username_key, roles) VALUES (1, 'a', 'a', 'a', '[]')`,
        },
        [],
      )
      await expect(write).rejects.toSatisfy(isStorageUnavailable)
      await database.close()
    })
  })
})
