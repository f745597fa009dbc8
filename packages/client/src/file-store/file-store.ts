import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { TokenStore } from '../stored-tokens/token-store.ts'
import { syncFolder, unlessAbsent, writeDurably } from './durable-file.ts'
import { fileAttempts } from './file-attempts.ts'
import { underLock } from './lock-file.ts'

/** Writing takes milliseconds; whoever holds a lock for longer has died. */
const longestWriteMilliseconds = 1_000

/**
 * Tokens in a file, for the processes of one user: command lines, desktop programs, agents. The file is only readable by
 * that user (mode 0600, in folders of mode 0700 as far as they are made here) and is replaced as a whole, so that a reader
 * never finds a part of it. Beside it lie its lock, which is only a hint, and the attempt ids.
 *
 * @param path of the file; processes that share a session share it. Its folder is made at the first sign-in
 */
export function fileStore(path: string): TokenStore {
  const read = async () => (await unlessAbsent(readFile(path, 'utf8'))) || undefined

  async function change(alter: (stored: string | undefined) => string | undefined): Promise<string | undefined> {
    const stored = await read()
    const next = alter(stored)
    if (next === stored) return stored
    if (next === undefined) await unlessAbsent(unlink(path))
    else await replaceFile(path, next)
    return next
  }

  return {
    read,
    update: async (alter) => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      let updated: Promise<string | undefined> | undefined
      await underLock(`${path}.write-lock`, AbortSignal.timeout(longestWriteMilliseconds), async () => {
        updated = change(alter)
        await updated.catch(() => undefined)
      })
      return updated
    },
    attempts: fileAttempts(path),
    alone: (work, patience) => underLock(`${path}.lock`, patience, work),
  }
}

/** A reader finds the old text or the new one, also after a crash. */
async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    await writeDurably(draft, text)
    await rename(draft, path)
  } catch (fault) {
    await unlink(draft).catch(() => undefined)
    throw fault
  }
  await syncFolder(dirname(path))
}
