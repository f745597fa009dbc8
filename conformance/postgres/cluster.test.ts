import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { eventually } from '../running-server/eventually.ts'
import { startCluster } from './cluster.ts'
import { ownDatabase, rowsOf } from './own-database.ts'
import { startPgBouncer } from './pgbouncer.ts'

describe.skipIf(isMissing('postgresql'))('a PostgreSQL for tests (needs postgresql)', () => {
  test('is not run by root, and listens on loopback only, to whoever has the password', async () => {
    await using cluster = await startCluster()
    const [row] = await rowsOf(cluster.url, 'SELECT pg_backend_pid() AS pid, inet_server_addr() AS address')
    expect(row).toMatchObject({ address: '127.0.0.1' })
    expect(/^Uid:\t(\d+)/m.exec(statusOf(Number(row?.['pid'])))?.[1]).not.toBe('0')
    const [settings] = await rowsOf(cluster.url, "SELECT current_setting('listen_addresses') AS addresses")
    expect(settings).toEqual({ addresses: '127.0.0.1' })
    const other = new URL(cluster.url)
    other.password = 'guessed'
    await expect(rowsOf(other.href, 'SELECT 1')).rejects.toThrow('password authentication failed')
  })

  test('crashes at once, and keeps what was committed', async () => {
    await using cluster = await startCluster()
    await rowsOf(cluster.url, 'CREATE TABLE kept AS SELECT 7 AS value')
    const connected = await connect(cluster.url)
    const broken = new Promise((resolve) => connected.once('end', resolve))
    const ids = await processesOf(cluster.url)
    expect(ids.filter(isAlive).length).toBeGreaterThan(5)
    await cluster.crash()
    await broken
    await expect(rowsOf(cluster.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
    expect(ids.filter(isAlive)).toEqual([])
    await cluster.start()
    expect(await rowsOf(cluster.url, 'SELECT value FROM kept')).toEqual([{ value: 7 }])
    expect(cluster.log()).toContain('database system was interrupted')
  })

  test('stands still with all its connections open, and goes on', async () => {
    await using cluster = await startCluster()
    const client = await connect(cluster.url)
    const ids = await processesOf(cluster.url)
    await cluster.freeze()
    const answer = client.query('SELECT 1 AS one')
    for (const id of ids) expect(statusOf(id)).toMatch(/^State:\tT/m)
    cluster.thaw()
    expect((await answer).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  test('has replicas that follow it and refuse writes, until one takes its place', async () => {
    await using primary = await startCluster()
    await rowsOf(primary.url, 'CREATE TABLE kept AS SELECT 7 AS value')
    await using replica = await primary.replica()
    expect(await rowsOf(replica.url, 'SELECT value FROM kept')).toEqual([{ value: 7 }])
    await rowsOf(primary.url, 'UPDATE kept SET value = 8')
    await eventually(async () => expect(await rowsOf(replica.url, 'SELECT value FROM kept')).toEqual([{ value: 8 }]))
    await expect(rowsOf(replica.url, 'UPDATE kept SET value = 9')).rejects.toThrow('read-only transaction')
    await primary.crash()
    await replica.promote()
    await rowsOf(replica.url, 'UPDATE kept SET value = 9')
  })

  test('that does not start says why, and leaves nothing behind', async () => {
    const before = readdirSync(tmpdir())
    const failing = startCluster({ shared_buffers: 'plenty' })
    await expect(failing).rejects.toThrow(/does not start: .*invalid value for parameter "shared_buffers"/s)
    const folders = readdirSync(tmpdir()).filter((name) => !before.includes(name))
    const logs = folders.map((name) => join(tmpdir(), name, 'log')).filter((path) => existsSync(path))
    expect(logs.filter((path) => readFileSync(path, 'utf8').includes('plenty'))).toEqual([])
  })

  test('gives databases that nobody else uses, and drops them whoever is connected', async () => {
    await using cluster = await startCluster()
    const names = () => rowsOf(cluster.url, "SELECT datname FROM pg_database WHERE datname LIKE 'test%'")
    {
      await using one = await ownDatabase(cluster.url)
      await using other = await ownDatabase(cluster.url)
      expect(await names()).toHaveLength(2)
      expect(one.url).not.toBe(other.url)
      await connect(one.url)
    }
    expect(await names()).toEqual([])
  })

  test.each(['at work', 'frozen'])(
    '%s, does not outlive whoever started it, though that one is killed',
    async (state) => {
      const starting = startElsewhere(`
        const cluster = await startCluster()
        console.log(cluster.url)
        process.stdin.once('data', async () => {
          if (${state === 'frozen'}) await cluster.freeze()
          console.log('done')
        })
      `)
      const url = await starting.nextLine()
      const ids = await processesOf(url)
      const folder = await folderOf(url)
      expect(existsSync(folder)).toBe(true)
      starting.child.stdin?.write('go on\n')
      expect(await starting.nextLine()).toBe('done')
      starting.child.kill('SIGKILL')
      await eventually(() => expect([...ids.filter(isAlive), existsSync(folder)]).toEqual([false]))
    },
  )
})

describe.skipIf(isMissing('postgresql') || isMissing('pgbouncer'))(
  'a PgBouncer for tests (needs postgresql and pgbouncer)',
  () => {
    test('gives each transaction whatever server connection is free', async () => {
      await using cluster = await startCluster()
      await using bouncer = await startPgBouncer(cluster.url)
      const [one, other] = [await connect(bouncer.url), await connect(bouncer.url)]
      const serverOf = async (client: Client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0]
      const before = await serverOf(one)
      await one.query('BEGIN')
      expect(await serverOf(one)).toEqual(before)
      const second = await serverOf(other)
      expect(second).not.toEqual(before)
      await one.query('COMMIT')
      await other.query('BEGIN')
      expect([before, second]).toContainEqual(await serverOf(other))
      await other.query('COMMIT')
      await Promise.all([one.end(), other.end()])
    })

    test('knows every database behind it, and refuses startup parameters that it does not know', async () => {
      await using cluster = await startCluster()
      await using bouncer = await startPgBouncer(cluster.url)
      await using database = await ownDatabase(cluster.url)
      const { pathname } = new URL(database.url)
      const url = new URL(bouncer.url)
      url.pathname = pathname
      const client = await connect(url.href)
      expect((await client.query('SELECT current_database() AS name')).rows).toEqual([{ name: pathname.slice(1) }])
      await client.end()
      await expect(rowsOf(url.href, 'SELECT 1')).rejects.toThrow('unsupported startup parameter: options')
    })

    test('does not outlive whoever started it, though that one is killed', async () => {
      await using cluster = await startCluster()
      const starting = startElsewhere(`console.log((await startPgBouncer(${JSON.stringify(cluster.url)})).url)`)
      const url = await starting.nextLine()
      await (await connect(url)).end()
      starting.child.kill('SIGKILL')
      await eventually(() => expect(connect(url)).rejects.toThrow('ECONNREFUSED'))
    })
  },
)

async function connect(url: string): Promise<Client> {
  const client = new Client(url)
  // What ends while nobody asks anything is no fault of the test's.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Every process of a cluster but the connection that asks, which ends. */
async function processesOf(url: string): Promise<readonly number[]> {
  const others = await rowsOf(url, 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
  const postmaster = readFileSync(join(await folderOf(url), 'data', 'postmaster.pid'), 'utf8').split('\n')[0]
  return [Number(postmaster), ...others.map(({ pid }) => Number(pid))]
}

async function folderOf(url: string): Promise<string> {
  const [row] = await rowsOf(url, "SELECT current_setting('data_directory') AS data")
  return dirname(String(row?.['data']))
}

/** The process as the system sees it; empty once it is gone. */
function statusOf(id: number): string {
  const file = `/proc/${id}/status`
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** One that has ended and that nobody has asked about counts as gone. */
function isAlive(id: number): boolean {
  return /^State:\t[^Z]/m.test(statusOf(id))
}

/** Runs code with the functions of this folder in a process of its own; gives the lines that it prints. */
function startElsewhere(code: string): { readonly child: ChildProcess; readonly nextLine: () => Promise<string> } {
  const imports = ['cluster', 'pgbouncer'].map((name) => {
    const functions = name === 'cluster' ? 'startCluster' : 'startPgBouncer'
    return `import { ${functions} } from ${JSON.stringify(join(import.meta.dirname, `${name}.ts`))}`
  })
  const words = ['--input-type=module', '-e', [...imports, code].join('\n')]
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return { child, nextLine: async () => String((await lines.next()).value) }
}
