import { processorSeconds } from '../measuring/processor-time.ts'
import type { Chains, Walk } from './chains.ts'

/** What a walk was like. */
export interface WalkReport {
  readonly refreshes: number
  readonly perSecond: number
  /** Refreshes per second of processor time of the server. */
  readonly perServerSecond: number
  /** Milliseconds in which half of the answers came, and all but one of a hundred. */
  readonly median: number
  readonly slowest: number
}

/** Has sessions of a server refresh and measures it. */
export async function measureWalk(chains: Chains, server: number, walk: Walk): Promise<WalkReport> {
  const [begun, spent] = [performance.now(), processorSeconds(server)]
  const durations = [...(await chains.walk(walk))].sort((one, other) => one - other)
  const refreshes = durations.length
  return {
    refreshes,
    perSecond: (refreshes / (performance.now() - begun)) * 1000,
    perServerSecond: refreshes / (processorSeconds(server) - spent),
    median: durations[Math.floor(refreshes / 2)] ?? Number.NaN,
    slowest: durations[Math.floor(refreshes * 0.99)] ?? Number.NaN,
  }
}
