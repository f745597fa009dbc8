import { setImmediate as turn } from 'node:timers/promises'
import { median } from './median.ts'
import { ownProcessorSeconds } from './processor-time.ts'

/** Does so many units of work, one after the other. */
export type Work = (units: number) => Promise<void> | void

/** Rates of candidates that were measured in the same rounds: units per second of processor time of this process. */
export interface PairedRates<Name extends string> {
  /** Median over the rounds. */
  readonly rate: (name: Name) => number
  /** Median over the rounds of how many times as fast the one was as the other in the same round. */
  readonly ratio: (name: Name, other: Name) => number
}

/** How long a slot is, and how many rounds count. */
export interface PairedRounds {
  readonly rounds: number
  readonly slotMilliseconds: number
}

const calibrationUnits = 16

/**
 * Measures candidates in turn: each round all of them, each time another one first, so that a slow phase of the machine and
 * what one leaves behind for the next meet all of them alike. The first two rounds warm up and do not count.
 */
export async function measurePaired<Name extends string>(
  candidates: ReadonlyMap<Name, Work>,
  { rounds, slotMilliseconds }: PairedRounds,
): Promise<PairedRates<Name>> {
  const names = [...candidates.keys()]
  const taken: ReadonlyMap<Name, number>[] = []
  for (let round = -2; round < rounds; round += 1) {
    const rates = new Map<Name, number>()
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(place + round + names.length) % names.length]
      const work = name === undefined ? undefined : candidates.get(name)
      if (name !== undefined && work !== undefined) rates.set(name, await measure(work, slotMilliseconds))
      // What is done beside it has its turn here: timers, streams, finalizers.
      await turn()
    }
    if (round >= 0) taken.push(rates)
  }
  const rateIn = (rates: ReadonlyMap<Name, number>, name: Name) => rates.get(name) ?? Number.NaN
  return {
    rate: (name) => median(taken.map((rates) => rateIn(rates, name))),
    ratio: (name, other) => median(taken.map((rates) => rateIn(rates, name) / rateIn(rates, other))),
  }
}

/** The portion grows until it takes a tenth of the slot, so that reading the clock costs nothing. */
async function measure(work: Work, slotMilliseconds: number): Promise<number> {
  let portion = calibrationUnits
  let units = 0
  const [begun, spent] = [performance.now(), ownProcessorSeconds()]
  while (performance.now() - begun < slotMilliseconds) {
    const from = performance.now()
    await work(portion)
    units += portion
    if (performance.now() - from < slotMilliseconds / 10) portion *= 2
  }
  return units / (ownProcessorSeconds() - spent)
}
