import { addUser, anEnding, anEvent, openSession } from '@pawl/server/storage-contract/records'
import { describe, expect, onTestFinished, test } from 'vitest'
import { postgresStorage } from '../src/postgres-storage.ts'
import { clientForTest, newSchema, postgresForTest, testUrl, urlForTest, urlWith } from './postgres-fixture.ts'

describe.skipIf(testUrl === undefined)('what an operator is told (needs the package postgresql)', () => {
  test('the version, the way there, and how changes are learned of', async () => {
    const { storage } = await postgresForTest()
    const diagnosis = await storage.diagnose?.()
    expect(diagnosis?.facts).toEqual([
      expect.stringMatching(/^PostgreSQL \d+/),
      'each connection is this node’s own',
      'the database tells of changes by other nodes at once (LISTEN)',
      'synchronous_commit is on',
      'no standby follows',
    ])
  })

  test('T9.1 settings that can lose commits', async () => {
    const { storage } = await postgresForTest({ url: urlWith('-c synchronous_commit=off') })
    const diagnosis = await storage.diagnose?.()
    expect(diagnosis?.facts).toContain('synchronous_commit is off')
    expect(diagnosis?.warnings).toContain(
      'synchronous_commit is off: a crash can lose the last refreshes, and their clients then look ahead of the store; ends of sessions are written with "on"',
    )
  })

  test('a clock that differs from the node’s', async () => {
    // The first and the third instant are read by the node's own clock; the second stands in for the database's.
    let readings = 0
    const clock = (): number => {
      readings += 1
      return readings === 2 ? 7000 : 1000
    }
    const { storage } = await postgresForTest({ clock })
    await storage.storeNow()
    readings = 0
    expect((await storage.diagnose?.())?.warnings).toContain(
      "the database's clock is 6000 ms ahead of this machine's: decisions follow the database's, logs this machine's",
    )
  })

  test('a database that takes no writes, though its tables can be read', async () => {
    const { connect, schema } = await postgresForTest()
    const readOnly = await connect({ url: urlWith('-c default_transaction_read_only=on'), schema })
    await expect(readOnly.diagnose?.()).rejects.toThrow('the database takes no writes')
  })

  test('a role that lacks rights which a start gets by without', async () => {
    const { connect, schema } = await postgresForTest()
    const client = await clientForTest()
    const role = `${schema}_clerk`
    await client.query(`
      CREATE ROLE ${role} LOGIN PASSWORD 'clerk'; GRANT USAGE ON SCHEMA "${schema}" TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO ${role}`)
    onTestFinished(async () => {
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    })
    const url = new URL(urlForTest())
    url.username = role
    url.password = 'clerk'
    const clerk = await connect({ url: url.href, schema })
    expect((await clerk.diagnose?.())?.facts).toHaveLength(5)
    await client.query(`REVOKE UPDATE ON "${schema}".revocation_feed, "${schema}".users FROM ${role}`)
    await expect(clerk.diagnose?.()).rejects.toMatchObject({
      message: expect.stringContaining('the user of the URL may not use the tables of Pawl'),
      cause: { message: `no right to UPDATE ${schema}.revocation_feed; UPDATE ${schema}.users` },
    })
  })

  test.each([
    ['LATIN1', /the database's encoding is LATIN1/],
    ['SQL_ASCII', undefined],
  ])('a database whose encoding lacks characters is not begun with: %s', async (encoding, complaint) => {
    const client = await clientForTest()
    const name = newSchema()
    await client.query(`CREATE DATABASE ${name} ENCODING '${encoding}' TEMPLATE template0 LOCALE 'C'`)
    const url = new URL(urlForTest())
    url.pathname = name
    const storage = postgresStorage({ url: url.href })
    onTestFinished(async () => {
      await storage.close()
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
    })
    if (complaint !== undefined) return expect(storage.open()).rejects.toThrow(complaint)
    await storage.open()
    expect(await storage.findUserByName('日本')).toBeUndefined()
    const { id } = await addUser(storage, '日本')
    expect(await storage.findUserByName('日本')).toMatchObject({ id, username: '日本' })
  })

  test('a healthy store has no damage; missing tables and indexes that are not valid are named', async () => {
    const { storage, schema } = await postgresForTest()
    expect(await storage.findDamage()).toEqual([])
    const client = await clientForTest()
    await client.query(`ALTER TABLE "${schema}".failures RENAME TO elsewhere`)
    await client.query(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"${schema}".sessions_by_user'::regclass`,
    )
    expect(await storage.findDamage()).toEqual([
      'the table failures is missing',
      'the index sessions_by_user is not valid; to build it anew: REINDEX',
    ])
  })

  test('where amcheck is installed, an index that lies is found', async () => {
    const { storage, schema } = await postgresForTest()
    const client = await clientForTest()
    await client.query('CREATE EXTENSION IF NOT EXISTS amcheck')
    const user = await addUser(storage, 'b')
    for (const name of ['a', 'c', 'd']) await addUser(storage, name)
    await openSession(storage, 'tab', user)
    expect(await storage.findDamage()).toEqual([])
    // An index of another order under the name of one of ours: its entries no longer stand as its definition has it.
    await client.query(`CREATE INDEX wrong ON "${schema}".users (username_key DESC)`)
    await client.query(`UPDATE pg_index SET indoption = '0' WHERE indexrelid = '"${schema}".wrong'::regclass`)
    const fresh = await clientForTest()
    await fresh.query('SELECT 1')
    expect(await (await postgresNode(schema)).findDamage()).toEqual([
      expect.stringMatching(/^the index wrong is damaged \(.+\); try REINDEX$/),
    ])
  })

  /** A node that has cached nothing of the catalog. */
  async function postgresNode(schema: string) {
    const { connect } = await postgresForTest()
    return connect({ schema })
  }

  describe('how hard an end is written', () => {
    /** What `synchronous_commit` was at the commit of each transaction that wrote an event. */
    async function settingsAtCommit(url: string) {
      const fixture = await postgresForTest({ url })
      const client = await clientForTest()
      const { schema } = fixture
      await client.query(`
        CREATE TABLE "${schema}".seen (type text, setting text);
        CREATE FUNCTION "${schema}".see() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO "${schema}".seen
          VALUES (NEW.document::jsonb ->> 'type', current_setting('synchronous_commit'));
          RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER see AFTER INSERT ON "${schema}".security_events
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "${schema}".see()`)
      const { storage, clock } = fixture
      const now = clock.now()
      const [ada, bob] = [await addUser(storage, 'ada'), await addUser(storage, 'bob')]
      const one = await openSession(storage, 'one', ada)
      await openSession(storage, 'two', bob)
      await openSession(storage, 'three', bob)
      await storage.endSession(anEnding(one, now))
      await storage.changePassword({ id: ada.id, passwordHash: 'x', now, event: anEvent('password_changed', now) })
      await storage.disableUser(bob.id, now, anEvent('user_disabled', now))
      const { rows } = await client.query(`SELECT DISTINCT type, setting FROM "${schema}".seen ORDER BY type`)
      return rows
    }

    test('F8 it outlives a crash whatever the connection is set to; nothing else is changed', async () => {
      expect(await settingsAtCommit(urlWith('-c synchronous_commit=off'))).toEqual([
        { type: 'password_changed', setting: 'on' },
        { type: 'session_ended', setting: 'on' },
        { type: 'session_opened', setting: 'off' },
        { type: 'user_added', setting: 'off' },
        { type: 'user_disabled', setting: 'on' },
      ])
    })

    test('F8 a stronger setting stays', async () => {
      const seen = await settingsAtCommit(urlWith('-c synchronous_commit=remote_apply'))
      expect(seen.map(({ setting }) => setting)).toEqual(Array.from({ length: 5 }, () => 'remote_apply'))
    })
  })
})
