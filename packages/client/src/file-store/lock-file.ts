import { readFile, unlink, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { isFault } from './durable-file.ts'

const pauseMilliseconds = 25

/**
 * Works while a file says that this process does, or without it once `patience` fires: a lock is a hint, and nothing that
 * a process can die with stops another. Whoever waited in vain takes the lock away, so that nobody else waits for it.
 */
export async function underLock(path: string, patience: AbortSignal, work: () => Promise<void>): Promise<void> {
  const mine = await acquire(path, patience)
  try {
    await work()
  } finally {
    if (mine && (await holderOf(path)) === process.pid) await unlink(path).catch(() => undefined)
  }
}

async function acquire(path: string, patience: AbortSignal): Promise<boolean> {
  while (!patience.aborted) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx', mode: 0o600 })
      return true
    } catch (fault) {
      // Where no lock can be made there is none to wait for.
      if (!isFault(fault, 'EEXIST')) return false
    }
    const holder = await holderOf(path)
    if (holder === undefined || isAlive(holder)) await wait(pauseMilliseconds)
    else await unlink(path).catch(() => undefined)
  }
  await unlink(path).catch(() => undefined)
  return false
}

/** Undefined: nobody, or it is just being written. */
async function holderOf(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (fault) {
    // A process of another user lives, too.
    return isFault(fault, 'EPERM')
  }
}
