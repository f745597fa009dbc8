import { randomBytes } from 'node:crypto'
import { postgresStorage } from '@pawl/storage-postgres'
import { Client } from 'pg'
import type { Scheduler } from './scheduler.ts'
import { type SimulatedEngine, type SimulatedStore, simulatedUser, storeOnEngine } from './simulated-store.ts'

/** The database for it, where one is offered: for tests `conformance/postgres/shared-cluster.ts` starts one. */
export const simulationDatabase: string | undefined = process.env['PAWL_TEST_POSTGRES_URL']

/**
 * Makes a schema.
 *
 * @param url of a database, for a user who may make schemas in it
 */
export async function postgresForSimulation(url: string = simulationDatabase ?? ''): Promise<SimulatedEngine> {
  const schema = `simulation_${randomBytes(8).toString('hex')}`
  let now = () => 0
  const storage = postgresStorage({ url, schema, clock: () => now(), connections: 4 })
  await storage.open()
  await storage.addUser(simulatedUser, simulatedUser.username, { type: 'user_added', at: 0, actor: 'admin' })
  return {
    name: 'postgres',
    openStore: (clock, working) => {
      now = clock
      return inTurns(storeOnEngine(storage), working)
    },
    close: async () => {
      await storage.close()
      const client = new Client(url)
      await client.connect()
      await client.query(`DROP SCHEMA ${schema} CASCADE`)
      await client.end()
    },
  }
}

/**
 * The store with each call counted as work, for the database answers in its own time. One seed has to give one story, so
 * the database has no say in who comes first: refreshes and peeks go to it together, in the order in which they came, but
 * an end of the session waits for those before it, and those after it wait for the end.
 */
function inTurns(store: SimulatedStore, working: Scheduler['working']): SimulatedStore {
  let turn = { of: 'nobody', begins: Promise.resolve<unknown>(undefined), ends: Promise.resolve<unknown>(undefined) }

  function during<Result>(of: 'refreshes' | 'ends', call: () => Promise<Result>): Promise<Result> {
    if (turn.of !== of) turn = { of, begins: turn.ends, ends: turn.ends }
    const result = turn.begins.then(call)
    turn.ends = Promise.allSettled([turn.ends, result])
    return working(result)
  }

  return {
    ...store,
    readSession: (id) => working(store.readSession(id)),
    openSession: (session, event) => working(store.openSession(session, event)),
    appendEvent: (event) => working(store.appendEvent(event)),
    moveSession: (move) => during('refreshes', () => store.moveSession(move)),
    countRepeat: (repeat) => during('refreshes', () => store.countRepeat(repeat)),
    countPeek: (peek) => during('refreshes', () => store.countPeek(peek)),
    endSession: (ending) => during('ends', () => store.endSession(ending)),
  }
}
