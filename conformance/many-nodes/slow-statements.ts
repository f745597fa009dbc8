import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from '../postgres/cluster.ts'
import { rowsOf } from '../postgres/own-database.ts'

/** A statement that the server has logged for how long it took. */
export interface SlowStatement {
  readonly milliseconds: number
  /** Of these, how long its process stood ready and was given no processor. */
  readonly starved: number
  /** The name it was prepared under, and how it ends. */
  readonly text: string
}

/** What {@link slowStatements} needs a cluster to be set to. */
export const timingSlowStatements = { log_min_duration_statement: '100ms', log_line_prefix: '%n|%p|' } as const

/** A process of the database at an instant, in milliseconds since 1970. */
interface Sample {
  readonly at: number
  readonly process: number
  /** For how long it has stood ready without a processor since it began, in milliseconds. */
  readonly starved: number
}

/** How long the processes of a database had to wait for a processor, and when. */
export interface Starvation {
  readonly stop: () => Promise<void>
  /** Milliseconds of waiting between two instants. */
  readonly of: (process: number, from: number, until: number) => number
}

const restMilliseconds = 40

/**
 * Watches how the processes of a database are served by the machine's scheduler, which keeps account of it in
 * `/proc/PID/schedstat`: where more wants to run than there are processors, a statement takes longer without doing more.
 */
export function watchStarvation({ url }: Cluster): Starvation {
  const samples = new Map<number, Sample[]>()
  let stopping = false

  async function processes(): Promise<readonly number[]> {
    const rows = await rowsOf(url, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    return rows.map(({ pid }) => Number(pid))
  }

  async function watch(): Promise<void> {
    let known = await processes()
    for (let round = 1; !stopping; round += 1) {
      if (round % 25 === 0) known = await processes()
      for (const process of known) {
        const starved = readStarved(process)
        if (starved !== undefined) samplesOf(process).push({ at: Date.now(), process, starved })
      }
      await pause(restMilliseconds)
    }
  }

  function samplesOf(process: number): Sample[] {
    const own = samples.get(process) ?? []
    samples.set(process, own)
    return own
  }

  const watching = watch()
  return {
    stop: async () => {
      stopping = true
      await watching
    },
    of: (process, from, until) => {
      const own = samplesOf(process)
      const before = own.findLast(({ at }) => at <= from) ?? own[0]
      const after = own.find(({ at }) => at >= until) ?? own.at(-1)
      return Math.max(0, (after?.starved ?? 0) - (before?.starved ?? 0))
    },
  }
}

/** Undefined where the process is gone, or the system does not say. */
function readStarved(process: number): number | undefined {
  try {
    const [, waiting] = readFileSync(`/proc/${process}/schedstat`, 'utf8').split(' ')
    return Number(waiting) / 1e6
  } catch {
    return undefined
  }
}

const line = /^(\d+\.\d+)\|(\d+)\|LOG: {2}duration: ([\d.]+) ms {2}(statement|(?:execute|parse|bind) [^:]*): ([\s\S]*)/

/** What a log holds of statements on the schema `pawl` that took 100 ms or more, the test's own left out. */
export function slowStatements(log: string, starvation: Pick<Starvation, 'of'>): readonly SlowStatement[] {
  return log.split(/^(?=\d+\.\d+\|)/m).flatMap((entry) => {
    const [, seconds = '', process = '', milliseconds = '', name = '', text = ''] = line.exec(entry) ?? []
    if (!text.includes('"pawl"')) return []
    const until = Number(seconds) * 1000
    const starved = starvation.of(Number(process), until - Number(milliseconds), until)
    const end = text.trim().replaceAll(/\s+/g, ' ').slice(-100)
    return [{ milliseconds: Math.round(Number(milliseconds)), starved: Math.round(starved), text: `${name}: ${end}` }]
  })
}
