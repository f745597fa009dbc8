import { median } from './median.ts'
import { ownProcessorSeconds, processorSeconds } from './processor-time.ts'

/** What one candidate did in one slot, per unit of work. */
export interface Slot {
  readonly perSecond: number
  /** Processor time of this process per unit, in microseconds. */
  readonly ownMicroseconds: number
  /** The same of the database, all its processes. */
  readonly databaseMicroseconds: number
}

/** Something to be measured: does one portion of work and tells how many units that were. */
export type Portion = () => Promise<number>

export interface Rounds {
  readonly rounds: number
  readonly slotMilliseconds: number
  /** Process id of the database's first process. */
  readonly database: number
}

/**
 * Measures candidates in turn, round by round, so that a slow phase of the machine meets all of them alike. The first round
 * warms up and does not count.
 *
 * @returns the median of each figure, by candidate
 */
export async function measureInTurn(
  candidates: ReadonlyMap<string, Portion>,
  settings: Rounds,
): Promise<ReadonlyMap<string, Slot>> {
  const slots = new Map([...candidates.keys()].map((name): [string, Slot[]] => [name, []]))
  for (let round = 0; round <= settings.rounds; round += 1) {
    for (const [name, portion] of candidates) {
      const slot = await measure(portion, settings)
      if (round > 0) slots.get(name)?.push(slot)
    }
  }
  return new Map([...slots].map(([name, taken]) => [name, medianSlot(taken)]))
}

async function measure(portion: Portion, { slotMilliseconds, database }: Rounds): Promise<Slot> {
  const [begun, own, others] = [performance.now(), ownProcessorSeconds(), processorSeconds(database)]
  let units = 0
  while (performance.now() - begun < slotMilliseconds) units += await portion()
  return {
    perSecond: (units / (performance.now() - begun)) * 1000,
    ownMicroseconds: ((ownProcessorSeconds() - own) / units) * 1e6,
    databaseMicroseconds: ((processorSeconds(database) - others) / units) * 1e6,
  }
}

function medianSlot(slots: readonly Slot[]): Slot {
  return {
    perSecond: median(slots.map(({ perSecond }) => perSecond)),
    ownMicroseconds: median(slots.map(({ ownMicroseconds }) => ownMicroseconds)),
    databaseMicroseconds: median(slots.map(({ databaseMicroseconds }) => databaseMicroseconds)),
  }
}
