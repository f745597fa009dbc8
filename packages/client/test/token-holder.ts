import {
  createTokenClient,
  memoryStore,
  type TokenClient,
  type TokenClientOptions,
  type TokenStore,
} from '@pawl/client'
import { onTestFinished } from 'vitest'
import { apiOrigin, issuer, type StartedIssuer } from './started-issuer.ts'

/** What stands between a program and the server. Answers, delays, loses or lets through. */
export type Network = (request: Request, proceed: () => Promise<Response>) => Promise<Response>

/** Programs on one machine: they share a store and a network that can be made to fail. */
export interface Machine {
  readonly store: TokenStore
  /** Every request that a program sent, as `METHOD /path`, in order. */
  readonly sent: string[]
  network: Network
  /** `fetch` as its programs have it. */
  readonly fetch: typeof globalThis.fetch
  /** Starts a program with a client of its own. */
  readonly start: (options?: Partial<TokenClientOptions>) => Program
}

/** A program with a client. */
export interface Program {
  readonly client: TokenClient
  /** Moves the program's monotonic clock, and nothing else. */
  readonly passTime: (seconds: number) => void
}

/** A machine whose programs share the store. */
export function openMachine(server: StartedIssuer, store: TokenStore = memoryStore()): Machine {
  const sent: string[] = []
  const machine: Machine = {
    store,
    sent,
    network: (_request, proceed) => proceed(),
    fetch: async (input, init) => {
      const request = new Request(input, init)
      sent.push(`${request.method} ${new URL(request.url).pathname}`)
      const response = await machine.network(request, () => server.answer(request))
      request.signal.throwIfAborted()
      // As HTTP servers do.
      response.headers.set('Date', new Date().toUTCString())
      return response
    },
    start: (options = {}) => {
      let now = 1_000_000
      const client = createTokenClient({
        issuer,
        allowedOrigins: [apiOrigin, issuer],
        store,
        fetch: machine.fetch,
        monotonic: () => now,
        ...options,
      })
      onTestFinished(client.dispose)
      return {
        client,
        passTime: (seconds) => {
          now += seconds * 1000
        },
      }
    },
  }
  return machine
}

/** How often a program asked for a path. */
export function countSent(machine: Pick<Machine, 'sent'>, line: string): number {
  return machine.sent.filter((sent) => sent === line).length
}
