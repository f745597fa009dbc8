import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

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
  /** Everything in the Prometheus text format, with its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>
  /** Starts the counters of process and runtime. */
  watchProcess(): void
}

/** Creates the counters of one server; two servers in one process do not share them. */
export function createMetrics(): Metrics {
  const registry = new Registry()
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
  return {
    countRequest: (route, method, status, seconds) =>
      requests.observe({ route, method, status: String(status) }, seconds),
    countRefresh: (outcome) => refreshes.inc({ outcome }),
    countPeek: (outcome) => peeks.inc({ outcome }),
    countSignIn: (outcome) => signIns.inc({ outcome }),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    watchProcess: () => collectDefaultMetrics({ register: registry }),
  }
}
