import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { Bench } from '../bench.ts'
import { startMeasuredCluster } from '../database/measured-cluster.ts'
import { describeMachine } from '../measuring/machine.ts'
import { pinApart } from '../measuring/pinning.ts'
import { measureInTurn, type Portion, type Rounds, type Slot } from '../measuring/rounds.ts'
import { figure, tableOf } from '../measuring/table.ts'
import { type Driver, pgPipeline, pgPool, porsager } from './drivers.ts'
import { createTable, fillTable, moveJoined, moveMany, moveOne, readMany } from './statements.ts'

const rows = 100_000

/** Each row's id and generation, walked through in a fixed order, so that no two statements in flight want one row. */
interface Walk {
  readonly ids: readonly Buffer[]
  readonly next: (count: number) => readonly Step[]
}

interface Step {
  readonly id: Buffer
  readonly expected: number
}

function walk(): Walk {
  const ids = Array.from({ length: rows }, (_, index) =>
    createHash('md5')
      .update(String(index + 1))
      .digest(),
  )
  const generations = new Array<number>(rows).fill(0)
  let at = 0
  return {
    ids,
    next: (count) =>
      Array.from({ length: count }, () => {
        // 99,991 is prime to 100,000: neighbours in time are no neighbours in the table.
        at = (at + 99_991) % rows
        const expected = generations[at] ?? 0
        generations[at] = expected + 1
        return { id: ids[at] ?? Buffer.alloc(16), expected }
      }),
  }
}

function moveTogether({ query, joined }: Candidate, { next }: Walk, count: number): Portion {
  const bytes = (pieces: readonly Buffer[]) => (joined ? Buffer.concat(pieces) : pieces)
  return async () => {
    const steps = next(count)
    const now = Date.now()
    const moved = await query(joined ? moveJoined : moveMany, [
      bytes(steps.map(({ id }) => id)),
      steps.map(({ expected }) => expected),
      steps.map(() => now),
      bytes(steps.map(() => randomBytes(32))),
      bytes(steps.map(() => randomBytes(176))),
      steps.map(() => now + 1e10),
    ])
    if (moved.length !== count) throw new Error(`${moved.length} of ${count} rows moved`)
    return count
  }
}

function moveOneByOne({ query }: Driver, { next }: Walk, inFlight: number): Portion {
  return async () => {
    const steps = next(inFlight * 8)
    let taken = 0
    const line = async () => {
      for (let step = steps[taken++]; step !== undefined; step = steps[taken++]) {
        const now = Date.now()
        const values = [step.id, step.expected, now, randomBytes(32), randomBytes(176), now + 1e10]
        const moved = await query(moveOne, values)
        if (moved.length !== 1) throw new Error('a row did not move')
      }
    }
    await Promise.all(Array.from({ length: inFlight }, line))
    return steps.length
  }
}

function read({ query }: Driver, ids: readonly Buffer[], count: number): Portion {
  let at = 0
  return async () => {
    at = (at + 99_991) % (ids.length - count)
    const found = await query(readMany, [ids.slice(at, at + count)])
    if (found.length !== count) throw new Error(`${found.length} of ${count} rows found`)
    return count
  }
}

interface Candidate extends Driver {
  /** Whether it sends bytes of many rows as one value. */
  readonly joined: boolean
}

interface Mode {
  readonly connect: typeof pgPool
  /** Whether the server keeps the statement prepared. */
  readonly named: boolean
  readonly joined?: true
}

const modes: ReadonlyMap<string, Mode> = new Map<string, Mode>([
  ['pg', { connect: pgPool, named: false }],
  ['pg named', { connect: pgPool, named: true }],
  ['pg pipeline', { connect: pgPipeline, named: false }],
  ['pg pipeline named', { connect: pgPipeline, named: true }],
  ['postgres', { connect: porsager, named: false }],
  ['postgres named', { connect: porsager, named: true }],
  ['pg joined', { connect: pgPool, named: false, joined: true }],
  ['pg named joined', { connect: pgPool, named: true, joined: true }],
])

interface Task {
  readonly key: string
  readonly title: string
  readonly connections: number
  readonly portion: (candidate: Candidate) => Portion
  /** Whether it sends bytes of many rows. */
  readonly many?: true
}

function tasksOn(steps: Walk): readonly Task[] {
  return [
    ...[1, 16, 64, 256].map(
      (count): Task => ({
        key: `move_${count}`,
        title: `move ${count} with one statement, one in flight`,
        connections: 1,
        portion: (candidate) => moveTogether(candidate, steps, count),
        many: true,
      }),
    ),
    ...[1, 64].map((count) => ({
      key: `read_${count}`,
      title: `read ${count} with one statement, one in flight`,
      connections: 1,
      portion: (candidate: Candidate) => read(candidate, steps.ids, count),
    })),
    ...[16, 64].flatMap((inFlight) =>
      [4, 16].map((connections) => ({
        key: `single_${inFlight}_on_${connections}`,
        title: `move one by one, ${inFlight} in flight on ${connections} connections`,
        connections,
        portion: (candidate: Candidate) => moveOneByOne(candidate, steps, inFlight),
      })),
    ),
  ]
}

async function prepare(client: pg.Client): Promise<void> {
  await client.query(createTable)
  await client.query(fillTable(rows))
  await client.query('VACUUM ANALYZE driver_sessions')
  await client.query('CHECKPOINT')
}

/** `pg` against `postgres`, for what a storage engine asks of a driver. */
export const driverBench: Bench = async ({ full, print }) => {
  await using cluster = await startMeasuredCluster()
  await prepare(cluster.client)
  print(`${describeMachine()}; ${cluster.version}; ${pinApart(cluster.firstProcess)}\n`)
  print(`${rows.toLocaleString('en')} rows, fsync on, synchronous_commit on\n\n`)
  const rounds: Rounds = {
    rounds: full ? 9 : 3,
    slotMilliseconds: full ? 1000 : 400,
    database: cluster.firstProcess,
  }
  const figures: Record<string, Record<string, number>> = {}
  for (const task of tasksOn(walk())) {
    const measured = await compare(task, cluster.url, rounds)
    print(`${task.title}\n\n${comparison(measured)}\n`)
    figures[task.key] = Object.fromEntries([...measured].map(([mode, slot]) => [mode, Math.round(slot.perSecond)]))
  }
  return figures
}

async function compare({ connections, portion, many }: Task, url: string, rounds: Rounds) {
  const candidates = new Map<string, Candidate>()
  for (const [name, { connect, named, joined = false }] of modes) {
    if (joined && many !== true) continue
    candidates.set(name, { ...(await connect(url, { connections, named })), joined })
  }
  try {
    return await measureInTurn(new Map([...candidates].map(([name, each]) => [name, portion(each)])), rounds)
  } finally {
    for (const candidate of candidates.values()) await candidate.close()
  }
}

function comparison(measured: ReadonlyMap<string, Slot>): string {
  const base = measured.get('pg')
  return tableOf(
    ['driver', 'rows/s', 'to pg', 'client µs/row', 'to pg', 'database µs/row'],
    [...measured].map(([mode, slot]) => [
      mode,
      figure(slot.perSecond),
      figure(slot.perSecond / (base?.perSecond ?? Number.NaN)),
      figure(slot.ownMicroseconds),
      figure(slot.ownMicroseconds / (base?.ownMicroseconds ?? Number.NaN)),
      figure(slot.databaseMicroseconds),
    ]),
  )
}
