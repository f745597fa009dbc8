import type { EventStore } from './event-store.ts'
import type { SecurityEvent } from './security-event.ts'

/** Takes events out of the server: to a log, a queue, a SIEM. An event may come twice, never not at all. */
export type EventSink = (event: SecurityEvent, sequence: number) => Promise<void> | void

const batch = 100

/**
 * Hands every waiting event to a sink and forgets those it took. What it did not take stays for the next time.
 *
 * @returns how many were delivered
 */
export async function deliverEvents(
  store: Pick<EventStore, 'nextEvents' | 'forgetEvents'>,
  sink: EventSink,
): Promise<number> {
  let delivered = 0
  for (;;) {
    const waiting = await store.nextEvents(batch)
    if (waiting.length === 0) return delivered
    for (const { event, sequence } of waiting) await sink(event, sequence)
    await store.forgetEvents(waiting.map(({ sequence }) => sequence))
    delivered += waiting.length
  }
}
