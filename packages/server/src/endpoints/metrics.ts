import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { z } from 'zod'
import type { Siblings } from '../configuration/settings.ts'

/** What the server counts. Labels are routes and codes from fixed lists, never anything a request could invent. */
export interface Metrics {
  /** One HTTP request answered. */
  countRequest(route: string, method: string, status: number, seconds: number): void
  /** One refresh decided: `advance`, `repeat`, … or the reason of its refusal. */
  countRefresh(outcome: string): void
  /** One token exchange decided: `peek`, or the reason of its refusal. */
  countPeek(outcome: string): void
  /** One sign-in tried. */
  countSignIn(outcome: string): void
  /** One step of the revocation feed is on its way to the readers, so long after its change. */
  countRevocations(entries: number, seconds: number): void
  /** Asks for the readers of the revocation feed when the metrics are read. */
  watchFeed(feed: { readonly readers: () => number }): void
  /** One reader of the revocation feed was let go because it took nothing. */
  countDroppedReader(): void
  /** Everything in the Prometheus text format, with its content type; with siblings, theirs beside it. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>
  /** What this process counts, as JSON, for whichever sibling is asked for all of it. */
  counted(): Promise<unknown>
  /** Starts the counters of process and runtime. */
  watchProcess(): void
}

const labels = z.record(z.string(), z.union([z.string(), z.number()]))

/** A metric as the registry gives it, seen after its way through another process. */
const countedMetric = z
  .looseObject({ name: z.string(), help: z.string(), type: z.string(), values: z.array(z.looseObject({ labels })) })
  // The library would add, average or drop what several processes say. By their label they stay apart, so each is kept.
  .transform((metric) => ({ ...metric, aggregator: 'sum' }))

const countedByOne = z.array(countedMetric)

/**
 * Creates the counters of one server; two servers in one process do not share them.
 *
 * @param siblings the other processes behind the same port; default: none
 */
export function createMetrics(siblings?: Siblings): Metrics {
  const registry = new Registry()
  if (siblings !== undefined) registry.setDefaultLabels({ worker: siblings.worker })
  const registers = [registry]
  const requests = new Histogram({
    name: 'pawl_http_request_duration_seconds',
    help: 'Time to answer a request, by route, method and status.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  })
  const refreshes = new Counter({
    name: 'pawl_refreshes_total',
    help: 'Refreshes decided, by what became of them.',
    labelNames: ['outcome'],
    registers,
  })
  const peeks = new Counter({
    name: 'pawl_peeks_total',
    help: 'Access tokens asked for without moving the session, by what became of it.',
    labelNames: ['outcome'],
    registers,
  })
  const signIns = new Counter({
    name: 'pawl_sign_ins_total',
    help: 'Sign-ins with a password, by what became of them.',
    labelNames: ['outcome'],
    registers,
  })
  const revocations = new Counter({
    name: 'pawl_revocation_entries_total',
    help: 'Entries of the revocation feed that this process has read for its readers.',
    registers,
  })
  const revocationAges = new Histogram({
    name: 'pawl_revocation_age_seconds',
    help: 'Time from a change that ended something to its way to the readers of the revocation feed.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
    registers,
  })
  const droppedReaders = new Counter({
    name: 'pawl_revocation_readers_dropped_total',
    help: 'Readers of the revocation feed that were let go because they took nothing for 30 seconds.',
    registers,
  })
  return {
    countRevocations: (entries, seconds) => {
      revocations.inc(entries)
      revocationAges.observe(seconds)
    },
    watchFeed: ({ readers }) => {
      new Gauge({
        name: 'pawl_revocation_readers',
        help: 'Readers of the revocation feed that are connected to this process.',
        registers,
        collect() {
          this.set(readers())
        },
      })
    },
    countDroppedReader: () => droppedReaders.inc(),
    countRequest: (route, method, status, seconds) =>
      requests.observe({ route, method, status: String(status) }, seconds),
    countRefresh: (outcome) => refreshes.inc({ outcome }),
    countPeek: (outcome) => peeks.inc({ outcome }),
    countSignIn: (outcome) => signIns.inc({ outcome }),
    expose: async () => {
      const all = siblings === undefined ? registry : await merged(siblings)
      return { contentType: registry.contentType, text: await all.metrics() }
    },
    counted: () => registry.getMetricsAsJSON(),
    watchProcess: () => collectDefaultMetrics({ register: registry }),
  }
}

async function merged({ countedByAll }: Siblings): Promise<Registry> {
  const counted = await countedByAll()
  return AggregatorRegistry.aggregate(counted.map((one) => countedByOne.parse(one)))
}
