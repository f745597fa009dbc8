import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Bench } from '../bench.ts'
import { startServer, user } from '../capacity/started-server.ts'
import { type Chains, chainsFrom } from '../load/chains.ts'
import { pawlForms } from '../load/pawl-forms.ts'
import { signInOften } from '../load/signed-in.ts'
import { describeMachine } from '../measuring/machine.ts'
import { median } from '../measuring/median.ts'
import { memoryOf } from '../measuring/memory.ts'
import { figure, tableOf } from '../measuring/table.ts'

const sessions = 1_000_000
const signIns = 50
const form = pawlForms.oauth

/** How long a server with a large store takes from the start of its process to the first token that it issues. */
export const startupBench: Bench = async ({ full, print }) =>
  withLargeStore(async (data, chains) => {
    const taken: number[] = []
    for (let start = 0; start < (full ? 21 : 7); start += 1) {
      await using server = await startServer(undefined, { settings, data })
      await chains.at(server.port).walk({ form, sessions: 1, milliseconds: 1 })
      taken.push(performance.now() - server.spawnedAt)
    }
    const first = median(taken)
    print(`${describeMachine()}; ${sessions.toLocaleString('en')} sessions in SQLite, ${taken.length} starts\n\n`)
    print(
      tableOf(
        ['ms from the start of the process to the first token', 'least', 'most'],
        [[figure(first), figure(Math.min(...taken)), figure(Math.max(...taken))]],
      ),
    )
    return { first_token_ms: Math.round(first) }
  })

/** How much memory a server takes: with nothing to do, with a large store, and after it was busy. */
export const memoryBench: Bench = async ({ full, print }) => {
  const idle = await withEmptyStore(async (data) => {
    await using server = await startServer(undefined, { settings, data })
    const chains = chainsFrom(server.port, await signInOften(server.port, user, 1))
    await chains.walk({ form, sessions: 1, milliseconds: 1 })
    chains.close()
    return memoryOf(server.pid, 'VmRSS')
  })
  return withLargeStore(async (data, chains) => {
    await using server = await startServer(undefined, { settings, data })
    const walked = chains.at(server.port)
    await signInOften(server.port, user, 1)
    await walked.walk({ form, sessions: 1, milliseconds: 1 })
    const large = memoryOf(server.pid, 'VmRSS')
    await walked.walk({ form, sessions: signIns, milliseconds: full ? 60_000 : 10_000 })
    const busy = memoryOf(server.pid, 'VmRSS')
    print(`${describeMachine()}; SQLite, one process, resident memory in MB\n\n`)
    print(
      tableOf(
        ['an empty store', `${sessions.toLocaleString('en')} sessions`, 'after load'],
        [[figure(idle), figure(large), figure(busy)]],
      ),
    )
    return { rss_idle_mb: Math.round(idle * 10) / 10, rss_1m_ratio: Math.round((large / idle) * 1000) / 1000 }
  })
}

const settings = { PAWL_MODE: 'production' }

async function withEmptyStore<Result>(work: (data: string) => Promise<Result>): Promise<Result> {
  const data = await mkdtemp(join(tmpdir(), 'pawl-bench-'))
  try {
    return await work(data)
  } finally {
    await rm(data, { recursive: true })
  }
}

/** Chains whose server is not always the same. */
interface MovingChains {
  readonly at: (port: number) => Chains
}

async function withLargeStore<Result>(work: (data: string, chains: MovingChains) => Promise<Result>): Promise<Result> {
  return withEmptyStore(async (data) => {
    const tokens = await (async () => {
      await using server = await startServer(undefined, { settings, data })
      return [...(await signInOften(server.port, user, signIns))]
    })()
    enlarge(join(data, 'pawl.db'))
    let current: Chains | undefined
    try {
      return await work(data, {
        at: (port) => {
          current?.close()
          current = chainsFrom(port, current?.tokens() ?? tokens)
          return current
        },
      })
    } finally {
      current?.close()
    }
  })
}

/** Copies the sessions until there are as many as there are to be; the copies have ids and bytes of their own. */
function enlarge(file: string): void {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA synchronous = OFF')
  const names = database
    .prepare("SELECT name FROM pragma_table_info('sessions') WHERE name <> 'number'")
    .all()
    .map((row) => String(row['name']))
  const drawn = new Map([
    ['id', 'randomblob(16)'],
    ['token_hash', 'randomblob(32)'],
    ['seed', 'randomblob(32)'],
  ])
  database.exec(`
    WITH RECURSIVE copies (copy) AS (SELECT 1 UNION ALL SELECT copy + 1 FROM copies WHERE copy < ${sessions / signIns})
    INSERT INTO sessions (${names.join(', ')})
    SELECT ${names.map((name) => drawn.get(name) ?? name).join(', ')}
    FROM copies CROSS JOIN (SELECT * FROM sessions) AS original`)
  database.close()
}
