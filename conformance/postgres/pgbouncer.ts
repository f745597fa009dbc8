import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { folderOf } from '../../checks/machine-packages.ts'
import { findFreePort } from '../running-server/free-port.ts'
import { keepProcess } from './kept-process.ts'
import { signalAll } from './process-family.ts'
import { folderFor, giveTo, unprivilegedAccount } from './unprivileged-account.ts'

/** A PgBouncer of its own, on a loopback port; it ends with this process, however that ends. */
export interface PgBouncer extends AsyncDisposable {
  /** The URL of the cluster behind it, but at this PgBouncer; any database of the cluster can be named. */
  readonly url: string
  /** All that it has logged. */
  readonly log: () => string
}

/**
 * Starts a PgBouncer in transaction mode, so that two statements of one client may meet two server connections. It is set
 * up as Debian would otherwise: startup parameters that it does not know are refused. Needs the machine package `pgbouncer`.
 *
 * @param target URL of the cluster, with user and password
 * @param settings of the section `[pgbouncer]`; they win over those here
 * @throws Error with what PgBouncer said, when it does not start
 */
export async function startPgBouncer(
  target: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PgBouncer> {
  const programs = folderOf('pgbouncer')
  if (programs === undefined) throw new Error('this machine has no PgBouncer: apt-get install pgbouncer')
  const account = unprivilegedAccount()
  const folder = folderFor(account, 'pawl-pgbouncer-')
  const [log, users, configuration] = [join(folder, 'log'), join(folder, 'users'), join(folder, 'pgbouncer.ini')]
  const { hostname, port: targetPort, username, password } = new URL(target)
  const port = await findFreePort()
  const section = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    pool_mode: 'transaction',
    max_client_conn: 500,
    default_pool_size: 20,
    ...settings,
  }
  const lines = Object.entries(section).map(([name, value]) => `${name} = ${value}`)
  const databases = ['[databases]', `* = host=${hostname} port=${targetPort}`]
  const texts = new Map([
    [users, `"${username}" "${password}"\n`],
    [configuration, `${[...databases, '[pgbouncer]', ...lines].join('\n')}\n`],
    [log, ''],
  ])
  for (const [path, text] of texts) {
    writeFileSync(path, text, { mode: 0o600 })
    giveTo(account, path)
  }
  const command = join(programs, 'pgbouncer')
  const bouncer = await keepProcess({ command, words: [configuration], account, log, folder, endSignal: 'TERM' })
  const readLog = () => readFileSync(log, 'utf8')
  while (!readLog().includes('process up: ')) {
    if (bouncer.hasEnded()) throw new Error(`PgBouncer does not start: ${readLog()}`)
    await pause(5)
  }
  const url = new URL(target)
  url.port = String(port)
  return {
    url: url.href,
    log: readLog,
    async [Symbol.asyncDispose]() {
      if (!bouncer.hasEnded()) signalAll([bouncer.pid], 'SIGTERM')
      await bouncer.ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
