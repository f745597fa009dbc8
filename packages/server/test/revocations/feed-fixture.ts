import { onTestFinished } from 'vitest'
import { createRevocationFeed, type Subscription } from '../../src/revocations/revocation-feed.ts'
import type { RevocationStep, RevocationStore } from '../../src/revocations/revocation-store.ts'
import { manualClock } from '../../src/storage/contract/fixture.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { seededRandom } from '../secrets/seeded-random.ts'
import { type FeedReading, readFeed } from './reading.ts'

/** Milliseconds between two heartbeats. */
export const beat = 5_000

/** A feed over a store in memory, with a clock that the test turns. */
export function feedWith(change: (store: RevocationStore) => RevocationStore = (store) => store) {
  const clock = manualClock()
  const storage = memoryStorage({ clock: clock.now })
  const told: { steps: RevocationStep[]; ages: number[]; dropped: string[]; failures: unknown[] } = {
    steps: [],
    ages: [],
    dropped: [],
    failures: [],
  }
  const feed = createRevocationFeed({
    store: change(storage),
    random: seededRandom(),
    report: {
      step: (step, age) => {
        told.steps.push(step)
        told.ages.push(age)
      },
      dropped: (requestId) => told.dropped.push(requestId),
      failed: (error) => told.failures.push(error),
    },
  })
  onTestFinished(() => feed.end())

  async function open(subscription: Partial<Subscription> = {}): Promise<ReadableStream<Uint8Array>> {
    const body = await feed.subscribe({ lastEventId: undefined, endsAt: undefined, requestId: 'r', ...subscription })
    if (typeof body === 'string') throw new Error(`the feed is ${body}`)
    return body
  }

  return {
    clock,
    storage,
    feed,
    told,
    open,
    read: async (lastEventId?: string): Promise<FeedReading> => readFeed(await open({ lastEventId })),
    revoke: (id: string) => storage.addRevocation({ kind: 'client', id, now: clock.now() }),
    epoch: async () => (await storage.readRevocationSteps(0)).position.epoch,
    beatFor: async (milliseconds: number) => {
      for (let passed = 0; passed < milliseconds; passed += beat) {
        clock.advance(beat)
        await feed.beat()
      }
    },
  }
}

/** Whether a reader has all there is, and was told so. */
export const isQuiet = (events: FeedReading['events']) => events.at(-1)?.event === 'heartbeat'
