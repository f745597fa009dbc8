import { setTimeout as pause } from 'node:timers/promises'
import { type ProcessEnd, type StartedProcess, startProcess } from '../running-server/started-process.ts'
import type { Address } from './recorder.ts'

/** A node: a process that is killed and started again, on another port each time. */
export interface FleetNode {
  readonly name: string
  /** Where it listens, or did last. */
  readonly address: () => Address
  readonly process: () => StartedProcess
  /** Kills it at once (SIGKILL), and waits until it is gone. */
  readonly kill: () => Promise<void>
  /** Has it drain (SIGTERM), and waits until it has ended. */
  readonly drain: () => Promise<ProcessEnd>
  /**
   * Starts it again; tries until it listens, as whoever looks after servers does.
   *
   * @param change from now on; what it does not name stays as it was
   */
  readonly start: (change?: NodeChange) => Promise<void>
  /** All that it has logged, over all its lives. */
  readonly log: () => string
}

/** What is exchanged when a node is started again. */
export interface NodeChange {
  /** Wins over what was there before. */
  readonly environment?: Readonly<Record<string, string>>
  /** Root of the sources that it runs from. */
  readonly build?: string
}

/** Several nodes on one store. */
export interface Fleet extends AsyncDisposable {
  /** Of all nodes, though no request goes there. */
  readonly issuer: string
  readonly nodes: readonly FleetNode[]
  readonly addresses: () => readonly Address[]
  /** What all nodes have logged. */
  readonly log: () => string
}

/** What a fleet is started with. */
export interface FleetWishes {
  readonly count: number
  /** The data directory; with an environment that names a database nothing is kept there. */
  readonly path: string
  readonly environment?: Readonly<Record<string, string>>
}

/** One issuer behind all nodes, though no request goes there. */
const issuer = 'http://localhost:8080'

/** A store that is away for longer than these many starts take will not come back. */
const mostTries = 30

/** Starts nodes, all of them at once. */
export async function startFleet({ count, path, environment = {} }: FleetWishes): Promise<Fleet> {
  const names = Array.from({ length: count }, (_, index) => `node ${index + 1}`)
  const starting = names.map((name) => startNode(name, path, { PAWL_ISSUER: issuer, ...environment }))
  const settled = await Promise.allSettled(starting)
  const nodes = settled.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const end = async () => {
    await Promise.all(nodes.map((node) => node.process()[Symbol.asyncDispose]()))
  }
  if (nodes.length < count) {
    await end()
    // Says why one did not start.
    await Promise.all(starting)
  }
  return {
    issuer,
    nodes,
    addresses: () => nodes.map((node) => node.address()),
    log: () => nodes.map((node) => node.log()).join(''),
    [Symbol.asyncDispose]: end,
  }
}

async function startNode(name: string, path: string, beginning: Readonly<Record<string, string>>): Promise<FleetNode> {
  let { environment, build }: NodeChange = { environment: beginning }
  let process = await startProcess({ path }, environment)
  const lives = [process]
  return {
    name,
    address: () => ({ name, origin: `http://127.0.0.1:${process.port}` }),
    process: () => process,
    kill: async () => {
      await process.stop('SIGKILL')
    },
    drain: () => process.stop('SIGTERM'),
    start: async (change = {}) => {
      environment = { ...environment, ...change.environment }
      build = change.build ?? build
      for (let tries = 1; ; tries += 1) {
        try {
          process = await startProcess({ path }, environment, build)
          lives.push(process)
          return
        } catch (error) {
          if (tries === mostTries) throw error
          await pause(100)
        }
      }
    },
    log: () => lives.map((life) => life.stderr()).join(''),
  }
}

/** The processes of two nodes or more as they run now. */
export function processesOf({ nodes }: Fleet): readonly [StartedProcess, StartedProcess, ...StartedProcess[]] {
  const [first, ...others] = nodes.map((node) => node.process())
  if (first === undefined) throw new Error('there are no nodes')
  return [first, others[0] ?? first, ...others.slice(1)]
}
