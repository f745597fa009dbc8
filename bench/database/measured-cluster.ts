import pg from 'pg'
import { type Cluster, type ClusterSettings, startCluster } from '../../conformance/postgres/cluster.ts'
import { firstProcessOf } from './first-process.ts'

/**
 * What a database in production has, of what matters here: a commit is on the disk when it returns, and checkpoints are
 * as rare as they usually are set. The time between them is put beyond the end of every bench: where one is wanted, it is
 * asked for.
 */
const settings: ClusterSettings = {
  fsync: true,
  synchronous_commit: 'on',
  full_page_writes: true,
  shared_buffers: '512MB',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
}

/** A PostgreSQL that is measured. */
export interface MeasuredCluster extends AsyncDisposable {
  readonly url: string
  /** A connection for looking, not for the work that is measured. */
  readonly client: pg.Client
  /** Process id of its first process. */
  readonly firstProcess: number
  /** `PostgreSQL 15.4`. */
  readonly version: string
}

/** Starts one, with nothing in it. */
export async function startMeasuredCluster(more: ClusterSettings = {}): Promise<MeasuredCluster> {
  const cluster = await startCluster({ ...settings, ...more })
  try {
    return await connectedTo(cluster)
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}

async function connectedTo(cluster: Cluster): Promise<MeasuredCluster> {
  const client = new pg.Client({ connectionString: cluster.url })
  await client.connect()
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  return {
    url: cluster.url,
    client,
    firstProcess: await firstProcessOf(client),
    version: `PostgreSQL ${rows[0]?.server_version.split(' ')[0]}`,
    async [Symbol.asyncDispose]() {
      await client.end()
      await cluster[Symbol.asyncDispose]()
    },
  }
}
