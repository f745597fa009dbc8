import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findFreePort } from '../running-server/free-port.ts'
import { type KeptProcess, keepProcess } from './kept-process.ts'
import { postgresProgram, runPostgresProgram } from './postgres-program.ts'
import { familyOf, freezeFamily, killAll, signalAll } from './process-family.ts'
import { type Account, folderFor, giveTo, unprivilegedAccount } from './unprivileged-account.ts'

/** Settings of PostgreSQL, by their names in `postgresql.conf`. */
export type ClusterSettings = Readonly<Record<string, string | number | boolean>>

/**
 * A PostgreSQL of its own: a cluster in a temporary folder, on a free loopback port, run by an account that is not root.
 * It ends with this process, however that ends, and its folder with it.
 */
export interface Cluster extends AsyncDisposable {
  readonly port: number
  /** For the superuser, with the password, at the database `postgres`. */
  readonly url: string
  /** Starts it again, on the same port and data; after a crash it recovers first. Ready when this resolves. */
  readonly start: () => Promise<void>
  /** Stops it in order: sessions are ended, and what is in memory goes to the disk. */
  readonly stop: () => Promise<void>
  /** Kills every process of it at once (SIGKILL). The data stays as it is. */
  readonly crash: () => Promise<void>
  /** Has every process of it stand still (SIGSTOP): connections stay open, and nothing answers. */
  readonly freeze: () => Promise<void>
  /** Lets it go on after {@link Cluster.freeze}. */
  readonly thaw: () => void
  /** Makes another one that follows this one by streaming, asynchronously, and can be asked but not written to. */
  readonly replica: (settings?: ClusterSettings) => Promise<Cluster>
  /** Makes a replica independent: it can be written to when this resolves. */
  readonly promote: () => Promise<void>
  /** All that it has logged. */
  readonly log: () => string
}

/** Where a cluster lives. */
interface Place {
  readonly account: Account
  readonly folder: string
  readonly data: string
  readonly log: string
  readonly port: number
  readonly password: string
}

const superuser = 'pawl'

/**
 * What is set otherwise than PostgreSQL would:
 * - fsync=off: a commit survives the death of PostgreSQL, not that of the machine, and tests never cause that.
 * - no socket file and no shared memory file: nothing lies outside of its folder.
 * - a replica that finds nothing new asks again soon, not in five seconds.
 */
const defaultSettings: ClusterSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '64MB',
  max_connections: 300,
  fsync: false,
  jit: false,
  log_checkpoints: false,
  wal_retrieve_retry_interval: '50ms',
}

/**
 * Makes a cluster and starts it; it takes about a second. Needs the machine package `postgresql`.
 *
 * @param settings win over those that all clusters here have
 * @throws Error with what PostgreSQL said, when it does not start
 */
export async function startCluster(settings: ClusterSettings = {}): Promise<Cluster> {
  const place = await makePlace(randomBytes(18).toString('base64url'))
  return orNothing(place, async () => {
    const { account, folder, data, password } = place
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, password, { mode: 0o600 })
    giveTo(account, passwordFile)
    const access = ['--username', superuser, '--pwfile', passwordFile, '--auth', 'scram-sha-256']
    const words = ['--pgdata', data, ...access, '--no-locale', '--encoding', 'UTF8', '--no-sync']
    await runPostgresProgram('initdb', words, account)
    return startIn(place, { ...defaultSettings, ...settings })
  })
}

async function makePlace(password: string): Promise<Place> {
  const account = unprivilegedAccount()
  const folder = folderFor(account, 'pawl-postgres-')
  const port = await findFreePort()
  return { account, folder, data: join(folder, 'data'), log: join(folder, 'log'), port, password }
}

async function startIn(place: Place, settings: ClusterSettings): Promise<Cluster> {
  const { account, folder, data, log, port, password } = place
  const lines = Object.entries({ ...settings, port }).map(([name, value]) => `${name} = '${value}'\n`)
  appendFileSync(join(data, 'postgresql.conf'), lines.join(''))
  let postmaster: KeptProcess | undefined

  function running(): KeptProcess {
    if (postmaster === undefined || postmaster.hasEnded()) throw new Error('the cluster does not run')
    return postmaster
  }

  async function start(): Promise<void> {
    const command = postgresProgram('postgres')
    postmaster = await keepProcess({ command, words: ['-D', data], account, log, folder, endSignal: 'QUIT' })
    while (!isReady(data, postmaster.pid)) {
      if (postmaster.hasEnded()) throw new Error(`PostgreSQL does not start: ${readLog()}`)
      await pause(5)
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = running()
    signalAll([ending.pid], signal)
    await ending.ended
  }

  function readLog(): string {
    return existsSync(log) ? readFileSync(log, 'utf8') : ''
  }

  await start()
  return {
    port,
    url: `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`,
    start,
    stop: () => end('SIGINT'),
    crash: async () => {
      const { pid, ended } = running()
      await killAll(await freezeFamily(pid))
      await ended
    },
    freeze: async () => {
      await freezeFamily(running().pid)
    },
    thaw: () => signalAll(familyOf(running().pid), 'SIGCONT'),
    replica: (own = {}) => replicaOf(place, own),
    promote: () => runPostgresProgram('pg_ctl', ['promote', '--wait', '--pgdata', data], account),
    log: readLog,
    async [Symbol.asyncDispose]() {
      if (postmaster !== undefined && !postmaster.hasEnded()) {
        signalAll(familyOf(postmaster.pid), 'SIGCONT')
        await end('SIGQUIT')
      }
      removeSharedMemory(place)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function replicaOf(primary: Place, settings: ClusterSettings): Promise<Cluster> {
  const place = await makePlace(primary.password)
  const source = `host=127.0.0.1 port=${primary.port} user=${superuser} password=${primary.password}`
  const words = ['--pgdata', place.data, '--dbname', source, '--write-recovery-conf', '--checkpoint=fast', '--no-sync']
  return orNothing(place, async () => {
    await runPostgresProgram('pg_basebackup', words, place.account)
    return startIn(place, settings)
  })
}

/** A cluster that cannot be made leaves no folder behind. */
async function orNothing(place: Place, make: () => Promise<Cluster>): Promise<Cluster> {
  try {
    return await make()
  } catch (error) {
    await rm(place.folder, { recursive: true, force: true })
    throw error
  }
}

/** PostgreSQL keeps its state in its pid file: the process id first, and whether it takes connections in the eighth line. */
function isReady(data: string, pid: number): boolean {
  const [first, , , , , , , state] = pidFile(data)
  return Number(first) === pid && state?.trim() === 'ready'
}

function pidFile(data: string): readonly string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    // Not there; also for a moment while one that starts replaces that of one that was killed.
    return []
  }
}

/** What is killed leaves a segment of some bytes to the machine; its id is the last word of the seventh line. */
function removeSharedMemory({ account, data }: Place): void {
  const id = pidFile(data)[6]?.split(' ').at(-1)
  if (id === undefined) return
  const { uid, gid } = account
  spawnSync('ipcrm', ['-m', id], uid === undefined ? {} : { uid, gid })
}
