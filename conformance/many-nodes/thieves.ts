import { setTimeout as pause } from 'node:timers/promises'
import { type Exchange, generationOf, statusOf } from './history.ts'
import { anyOf, heed, type Surroundings } from './holders.ts'
import { newAttemptId, type SharedStore } from './shared-store.ts'

/** More than the eight rotations that a session remembers. */
const forgottenAfter = 9

/** More than the clocks of clients and store can be apart. */
const margin = 1000

/**
 * Copies the token of a store, and presents it when the session has forgotten that generation. Whatever the race window,
 * no attempt id makes up for that.
 */
export async function stealAndForget(store: SharedStore, surroundings: Surroundings): Promise<void> {
  const stolen = store.peek()
  while (store.over() === undefined && store.generation() < generationOf(stolen) + forgottenAfter) await pause(20)
  await playBack(store.session, stolen, surroundings)
}

/** Copies the token of a store, and presents it when it has been superseded for longer than the race window. */
export async function stealAndWait(
  store: SharedStore,
  surroundings: Surroundings,
  windowMilliseconds: number,
): Promise<void> {
  const stolen = store.peek()
  while (store.over() === undefined && store.generation() === generationOf(stolen)) await pause(20)
  await pause(windowMilliseconds + margin)
  await playBack(store.session, stolen, surroundings)
}

/** Copies the token of a store and is faster than its owner, who comes a race window later. */
export async function stealAndGoFirst(
  store: SharedStore,
  surroundings: Surroundings,
  windowMilliseconds: number,
): Promise<void> {
  await playBack(store.session, store.peek(), surroundings)
  await pause(windowMilliseconds + margin)
}

/** Presents a copied token until there is an answer to it. */
export async function playBack(
  session: string,
  token: string,
  { recorder, addresses }: Surroundings,
): Promise<Exchange> {
  const question = {
    client: 'thief',
    part: 'thief',
    asks: 'refresh',
    session,
    token,
    attemptId: newAttemptId(),
  } as const
  for (;;) {
    const exchange = await recorder.ask(question, anyOf(addresses()))
    const status = statusOf(exchange)
    if (status !== undefined && status !== 503) return exchange
    await heed(exchange)
  }
}
