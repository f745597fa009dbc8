import { performance } from 'node:perf_hooks'
import { z } from 'zod'
import type { Exchange, History, WireAnswer } from './history.ts'

/** A request before it is sent. */
export type Question = Pick<Exchange, 'client' | 'part' | 'asks' | 'session' | 'token' | 'attemptId'>

/** A node as clients see it: a name, and an address that may or may not answer. */
export interface Address {
  readonly name: string
  /** Such as `http://127.0.0.1:4711`. */
  readonly origin: string
}

/** Sends the requests of a run, and writes down what each client sees. */
export interface Recorder {
  /** Sends one request; whatever becomes of it, it is in the history afterwards. */
  readonly ask: (question: Question, address: Address) => Promise<Exchange>
  /** Milliseconds since the run began. */
  readonly now: () => number
  readonly exchanges: readonly Exchange[]
  readonly history: (calmFrom: number, windowMilliseconds: number) => History
}

/** Clients give a request up after this long (design: a refresh lives at most 10 s in the client). */
const patienceMilliseconds = 10_000

const paths = { refresh: '/auth/refresh', end: '/auth/logout' } as const

const body = z.looseObject({
  refresh_token: z.string().optional(),
  error: z.string().optional(),
  reason: z.string().optional(),
})

/** Begins with an empty history. */
export function createRecorder(): Recorder {
  const exchanges: Exchange[] = []
  const began = performance.now()
  const now = () => performance.now() - began
  return {
    ask: async (question, { name, origin }) => {
      const start = now()
      const came = await send(question, origin)
      const exchange: Exchange = { ...question, node: name, start, end: now(), came }
      exchanges.push(exchange)
      return exchange
    },
    now,
    exchanges,
    history: (calmFrom, windowMilliseconds) => ({ exchanges, calmFrom, windowMilliseconds }),
  }
}

/** Whatever ends the request without a whole answer is the same to a client: it does not know what became of it. */
async function send({ asks, token, attemptId }: Question, origin: string): Promise<Exchange['came']> {
  try {
    const response = await fetch(origin + paths[asks], {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh_token: token, ...(attemptId !== undefined && { attempt_id: attemptId }) }),
      signal: AbortSignal.timeout(patienceMilliseconds),
      redirect: 'manual',
    })
    return readAnswer(response, await response.text())
  } catch {
    return { kind: 'nothing' }
  }
}

function readAnswer({ status, headers }: Response, text: string): WireAnswer {
  const { refresh_token: token, error, reason } = text === '' ? {} : body.parse(JSON.parse(text))
  return {
    kind: 'answer',
    status,
    retryAfter: headers.get('retry-after'),
    ...(token !== undefined && { token }),
    ...(error !== undefined && { error }),
    ...(reason !== undefined && { reason }),
  }
}
