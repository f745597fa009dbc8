import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { AttemptStore } from '../attempt-ids.ts'
import { isFault, syncFolder, writeDurably } from './durable-file.ts'

/** The server remembers this many rotations; ids of earlier ones explain nothing any more. */
const rememberedRotations = 8

/**
 * Attempt ids in files beside the token's, one for each generation. A file comes to be with its content, or not at all, and
 * only where there was none: a link to a draft that is on the disk already.
 */
export function fileAttempts(path: string): AttemptStore {
  const folder = dirname(path)
  /** What is in a session's id must not lead anywhere else. */
  const prefixOf = (sessionId: string) => `${basename(path)}.attempt.${Buffer.from(sessionId).toString('base64url')}.`

  async function drop(sessionId: string, which: (generation: number) => boolean): Promise<void> {
    const prefix = prefixOf(sessionId)
    const names = (await readdir(folder)).filter((name) => name.startsWith(prefix))
    const dropped = names.filter((name) => which(Number(name.slice(prefix.length))))
    await Promise.all(dropped.map((name) => unlink(join(folder, name)).catch(() => undefined)))
  }

  return {
    claim: async ({ sessionId, generation }, candidate) => {
      const file = join(folder, `${prefixOf(sessionId)}${generation}`)
      const draft = `${path}.${randomUUID()}`
      try {
        await writeDurably(draft, candidate)
        await link(draft, file)
        await syncFolder(folder)
      } catch (fault) {
        if (!isFault(fault, 'EEXIST')) throw fault
      } finally {
        await unlink(draft).catch(() => undefined)
      }
      await drop(sessionId, (earlier) => earlier < generation - rememberedRotations)
      return readFile(file, 'utf8')
    },
    forget: (sessionId) => drop(sessionId, () => true),
  }
}
