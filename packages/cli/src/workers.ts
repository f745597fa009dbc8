import cluster, { type Worker } from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import type { ConfigurationProblem } from '@pawl/server'
import { relayCounts } from './worker-counts.ts'

/** Variable of `pawl start` for how many processes there are to be. */
const countVariable = 'PAWL_WORKERS'

/** Variable that tells a process which of the workers it is; set by the primary, and without effect in any other. */
const numberVariable = 'PAWL_WORKER'

/** More processes than any machine has cores for would only take each other's memory. */
const mostWorkers = 128

/** A worker that lasted this long did not fail at its start; the next one follows at once. */
const calmMilliseconds = 10_000
const shortestDelay = 250
const longestDelay = 15_000

/** How long workers may take to stop before they are cut off: they themselves need 10 s at most. */
const stopMilliseconds = 10_000

/** What {@link superviseWorkers} is given. */
export interface Supervision {
  readonly count: number
  /** Resolves when all are to stop. */
  readonly stop: Promise<void>
  /** Called once, when every worker accepts connections, with the port they share. */
  readonly onListening: (port: number) => void
  readonly logger: {
    readonly warn: (facts: Readonly<Record<string, unknown>>, message: string) => void
    readonly error: (facts: Readonly<Record<string, unknown>>, message: string) => void
  }
}

/** How many workers are asked for; the flag wins over the variable, and neither means one process. */
export function readWorkerCount(
  flag: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly count: number } | { readonly problem: ConfigurationProblem } {
  const [setting, text] =
    typeof flag === 'string' ? ['--workers', flag] : [countVariable, environment[countVariable]?.trim() ?? '']
  const count = text === '' && setting === countVariable ? 1 : Number(/^[0-9]{1,4}$/.test(text) ? text : 'NaN')
  const refusal = (reason: string, fix: string) => ({ problem: { setting, reason, fix } })
  const range = `set it to a whole number from 1 to ${mostWorkers}`
  if (Number.isNaN(count)) return refusal('is not a whole number', range)
  if (count < 1 || count > mostWorkers) return refusal(`is not between 1 and ${mostWorkers}`, range)
  if (count > 1 && cluster.isWorker && ownNumber(environment) === undefined)
    return refusal('is set, but this process is already one of several that share a port', 'leave it to one of the two')
  return { count }
}

/** Which worker of a `pawl start` this process is, from 1; undefined when it is none. */
export function ownNumber(environment: Readonly<Record<string, string | undefined>>): number | undefined {
  const number = environment[numberVariable]
  return cluster.isWorker && number !== undefined ? Number(number) : undefined
}

/** Calls back when the process that started this worker is gone, however it ended. */
export function onPrimaryGone(callBack: () => void): void {
  const { worker } = cluster
  worker?.once('disconnect', () => {
    // Node would end this process here and now, and with it the requests under way.
    worker.exitedAfterDisconnect = true
    callBack()
  })
}

/** Lets this worker end although it could still be talked to. */
export function leavePrimary(): void {
  process.channel?.unref()
}

/**
 * Runs the same command in several processes that share one port, replaces those that end, and stops them all together.
 * The first is started alone: what keeps it from listening, such as a port that is taken, is then told once.
 *
 * @returns the exit status: 0, or that of the worker that ended before all of them listened
 */
export async function superviseWorkers({ count, stop, onListening, logger }: Supervision): Promise<number> {
  // The operating system hands connections out. Where the primary does, one that is on its way to a worker that is killed
  // stays open for ever, and nobody answers it.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const workers = new Set<Worker>()
  const stopping = new AbortController()
  const counts = relayCounts()
  let serving = false
  let status = 0

  function stopAll(): void {
    if (stopping.signal.aborted) return
    stopping.abort()
    for (const worker of workers) worker.process.kill('SIGTERM')
    const cutOff = () => {
      for (const worker of workers) worker.process.kill('SIGKILL')
    }
    setTimeout(cutOff, stopMilliseconds).unref()
  }

  /** Starts one worker and waits for its end. */
  async function runOne(number: number, onPort: (port: number) => void): Promise<WorkerEnd> {
    const worker = cluster.fork({ [numberVariable]: String(number) })
    workers.add(worker)
    counts.add(number, worker)
    worker.once('listening', ({ port }) => onPort(port))
    const end = await endOf(worker)
    workers.delete(worker)
    counts.remove(number)
    return end
  }

  /** Sees to it that there is a worker of this number until all stop. */
  async function keepOne(number: number, onPort: (port: number) => void): Promise<void> {
    let quickEnds = 0
    while (!stopping.signal.aborted) {
      const begun = performance.now()
      const end = await runOne(number, onPort)
      if (stopping.signal.aborted) return
      if (!serving) {
        // It has said itself why, unless something ended it.
        if (end.status === null) logger.error({ worker: number, ...end }, 'a worker ended before it listened')
        status = end.status === null || end.status === 0 ? 1 : end.status
        return stopAll()
      }
      quickEnds = performance.now() - begun < calmMilliseconds ? quickEnds + 1 : 0
      const delay = delayAfter(quickEnds)
      logger.warn({ worker: number, ...end, restartInMilliseconds: delay }, 'a worker ended and is replaced')
      await pause(delay, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }

  void stop.then(stopAll)
  const ports = Array.from({ length: count }, () => Promise.withResolvers<number>())
  const keeping: Promise<void>[] = []
  for (const [index, { resolve, promise }] of ports.entries()) {
    const kept = keepOne(index + 1, resolve)
    keeping.push(kept)
    if (index === 0) await Promise.race([promise, kept])
  }
  void Promise.all(ports.map(({ promise }) => promise)).then(([port = 0]) => {
    if (stopping.signal.aborted) return
    serving = true
    onListening(port)
  })
  await Promise.all(keeping)
  return status
}

/** How a worker ended. */
interface WorkerEnd {
  readonly pid: number | undefined
  readonly status: number | null
  readonly signal: string | null
}

function endOf(worker: Worker): Promise<WorkerEnd> {
  const { pid } = worker.process
  return new Promise((resolve) => {
    worker.once('exit', (status: number | null, signal: string | null) => resolve({ pid, status, signal }))
    // A process that could not even be started never exits; of one that was, this is only about a message.
    worker.on('error', () => {
      if (pid === undefined) resolve({ pid, status: null, signal: null })
    })
  })
}

/** The first that ends early is replaced at once; if the next ones do, too, ever more time goes by. */
function delayAfter(quickEnds: number): number {
  return quickEnds <= 1 ? 0 : Math.min(shortestDelay * 2 ** (quickEnds - 2), longestDelay)
}
