import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** A process of this machine and those that it has started, itself first. */
export function familyOf(parent: number): readonly number[] {
  const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return [parent, ...others.map(Number).filter((id) => lookAt(id)?.parent === parent)]
}

/** Sends a signal to each; one that has ended meanwhile is left out. */
export function signalAll(processes: readonly number[], signal: NodeJS.Signals): void {
  for (const id of processes) {
    try {
      process.kill(id, signal)
    } catch (error) {
      if (!isCode(error, 'ESRCH')) throw error
    }
  }
}

/** Has a process and those that it has started stand still: the parent first, so that it starts no further one. */
export async function freezeFamily(parent: number): Promise<readonly number[]> {
  await freeze([parent])
  const family = familyOf(parent)
  await freeze(family)
  return family
}

/** Kills processes, and waits until none of them does anything any more. */
export async function killAll(processes: readonly number[]): Promise<void> {
  signalAll(processes, 'SIGKILL')
  await until(processes, ['Z', 'X'])
}

async function freeze(processes: readonly number[]): Promise<void> {
  signalAll(processes, 'SIGSTOP')
  await until(processes, ['T', 'Z', 'X'])
}

/** A signal is only sent when `kill` returns: waits until each process is in one of these states, or gone. */
async function until(processes: readonly number[], states: readonly string[]): Promise<void> {
  const isThere = (id: number) => {
    const found = lookAt(id)
    return found === undefined || states.includes(found.state)
  }
  while (!processes.every(isThere)) await pause(1)
}

/** State letter and parent of a process; undefined once it is gone. */
function lookAt(id: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    // The second field is the name in parentheses and may hold anything.
    const [state = '', parent] = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return { state, parent: Number(parent) }
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ESRCH')) return undefined
    throw error
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
