import { randomBytes } from 'node:crypto'
import type { SessionMove, SessionRecord, Storage } from '@pawl/server'
import { inFlight } from './in-flight.ts'
import type { TypicalSession } from './typical-session.ts'

/** Rotations that a session remembers, each with an instant and an attempt; a new one pushes the oldest out. */
const rememberedRotations = 8

/**
 * Refreshes each session once, in an order drawn by chance, as a server does it at its store: reads the row, and moves it
 * under the condition of what was read.
 *
 * @param atATime how many refreshes are under way at a time
 */
export async function refreshAll(
  storage: Storage,
  ids: readonly string[],
  { typical, atATime }: { readonly typical: TypicalSession; readonly atATime: number },
): Promise<void> {
  await inFlight(shuffled(ids), atATime, async (id) => {
    const { now, session } = await storage.readSession(id)
    if (session === undefined) throw new Error('a session is not there')
    if (!(await storage.moveSession(nextMove(typical.moved, session, now)))) throw new Error('a session did not move')
  })
}

function nextMove(moved: SessionMove, session: SessionRecord, now: number): SessionMove {
  const rotation = randomBytes(session.recent.length / rememberedRotations)
  rotation.writeUIntBE(now, 0, 6)
  return {
    id: session.id,
    expectedGeneration: session.generation,
    now,
    generation: session.generation + 1,
    tokenHash: new Uint8Array(randomBytes(moved.tokenHash.length)),
    refreshKeyId: moved.refreshKeyId,
    recent: new Uint8Array(Buffer.concat([rotation, session.recent.subarray(0, -rotation.length)])),
    idleExpiresAt: now + (moved.idleExpiresAt - moved.now),
    usedFrom: session.lastUsedFrom,
  }
}

/** The same items in an order drawn by chance. */
export function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1))
    const [one, two] = [order[last], order[other]]
    if (one === undefined || two === undefined) continue
    order[last] = two
    order[other] = one
  }
  return order
}
