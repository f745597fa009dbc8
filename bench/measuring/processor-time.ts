import { readFileSync } from 'node:fs'
import { familyOf } from '../../conformance/postgres/process-family.ts'

/** Ticks per second of the times in `/proc`; Linux has had 100 on every architecture for decades. */
const ticksPerSecond = 100

/**
 * Processor time that a process and its children have used, in seconds, those included that have ended meanwhile.
 *
 * @throws Error where there is no `/proc`
 */
export function processorSeconds(process: number): number {
  const [own = [], ...children] = familyOf(process).map(timesOf)
  const [user = 0, system = 0, userOfEnded = 0, systemOfEnded = 0] = own
  const ofLiving = children.reduce((sum, [childUser = 0, childSystem = 0]) => sum + childUser + childSystem, 0)
  return (user + system + userOfEnded + systemOfEnded + ofLiving) / ticksPerSecond
}

/** Fields 14 to 17: user and system time, its own and that of children that ended and were waited for. */
function timesOf(process: number): readonly number[] {
  try {
    const fields = readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields.slice(11, 15).map(Number)
  } catch {
    // It ended while we looked; its time is then among those of the ended.
    return []
  }
}

/** Processor time of this process, all threads, in seconds. */
export function ownProcessorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
