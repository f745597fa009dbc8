import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Exchange, givenToken, reasonOf, statusOf } from './history.ts'
import type { Address, Recorder } from './recorder.ts'
import type { SharedStore, Taken } from './shared-store.ts'

/** What all clients of a run share. */
export interface Surroundings {
  readonly recorder: Recorder
  /** The nodes as a client finds them, dead ones included. */
  readonly addresses: () => readonly Address[]
}

/** A client with the stores that it uses: its own, and those of its neighbours. */
export interface Holder {
  readonly name: string
  readonly stores: readonly SharedStore[]
}

const never = new AbortController().signal

/** Gives each of the stores a client of its own, which uses its neighbours' on both sides, too. */
export function neighbours(stores: readonly SharedStore[]): readonly Holder[] {
  const at = (index: number) => stores.at(index % stores.length)
  return stores.map((_, index) => ({
    name: `client ${index}`,
    stores: [at(index - 1), at(index), at(index + 1)].filter((store) => store !== undefined),
  }))
}

/**
 * Refreshes one store after the other, any node for each, until it is stopped.
 *
 * @param rest the longest that it waits between an answer and its next request, in milliseconds
 */
export async function hold(
  holder: Holder,
  surroundings: Surroundings,
  { stop, rest }: { readonly stop: AbortSignal; readonly rest: number },
): Promise<void> {
  while (!stop.aborted) {
    const store = holder.stores[randomInt(holder.stores.length)]
    const taken = store?.over() === undefined ? store?.take(false) : undefined
    // A store that its pace holds back, or that is over; another may be ready.
    if (store === undefined || taken === undefined) await pause(randomInt(1, 10))
    else {
      await heed(await presentAnywhere(taken, holder, store, surroundings), stop)
      await pause(randomInt(rest + 1))
    }
  }
}

/** Where the connection breaks, each other node is tried once, at once, with what the store has by then. */
async function presentAnywhere(
  taken: Taken,
  holder: Holder,
  store: SharedStore,
  surroundings: Surroundings,
): Promise<Exchange> {
  let exchange = await present(taken, holder, store, surroundings)
  const tried = new Set<string>()
  for (;;) {
    tried.add(exchange.node)
    const addresses = surroundings.addresses().filter(({ name }) => !tried.has(name))
    if (exchange.came.kind === 'answer' || addresses.length === 0 || store.over() !== undefined) return exchange
    const again = store.take(true)
    if (again === undefined) return exchange
    exchange = await present(again, holder, store, { ...surroundings, addresses: () => addresses })
  }
}

/**
 * After the faults: tries twice for each store. The session of one that is over is asked for once more, so that the
 * history shows whether its end has held.
 */
export async function holdOn(holder: Holder, surroundings: Surroundings): Promise<void> {
  for (const store of holder.stores) {
    for (let tries = 0; tries < 2; tries += 1) {
      const taken = store.take(true)
      if (taken === undefined) throw new Error('nothing may hold a holder back when all is calm')
      const exchange = await present(taken, holder, store, surroundings)
      if (statusOf(exchange) === 200 || store.over() !== undefined) break
      await heed(exchange)
    }
  }
}

async function present(
  { token, attemptId, giveBack, tellOver }: Taken,
  { name }: Holder,
  { session }: SharedStore,
  { recorder, addresses }: Surroundings,
): Promise<Exchange> {
  const question = { client: name, part: 'holder', asks: 'refresh', session, token, attemptId } as const
  const exchange = await recorder.ask(question, anyOf(addresses()))
  giveBack(givenToken(exchange))
  if (statusOf(exchange) === 400) tellOver(reasonOf(exchange) ?? 'no reason')
  return exchange
}

/** Signs a session out with whatever its store holds, and again until it is told that it is done. */
export async function signOut(store: SharedStore, { recorder, addresses }: Surroundings): Promise<void> {
  for (;;) {
    const question = { client: 'leaving', part: 'holder', asks: 'end', session: store.session } as const
    const exchange = await recorder.ask({ ...question, token: store.peek(), attemptId: undefined }, anyOf(addresses()))
    if (statusOf(exchange) === 204) return
    await heed(exchange)
  }
}

/** Waits as long as `Retry-After` says, and a moment where the connection broke. */
export async function heed({ came }: Exchange, stop: AbortSignal = never): Promise<void> {
  const unanswered = came.kind === 'nothing'
  if (!unanswered && came.status !== 503) return
  const milliseconds = unanswered ? randomInt(50, 300) : Number(came.retryAfter ?? 1) * 1000 + randomInt(0, 200)
  await pause(milliseconds, undefined, { signal: stop }).catch(() => undefined)
}

/** Clients spread over the nodes, and do not know which of them answer. */
export function anyOf(addresses: readonly Address[]): Address {
  const address = addresses[randomInt(addresses.length)]
  if (address === undefined) throw new Error('there are no nodes')
  return address
}
