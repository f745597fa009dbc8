import { open } from 'node:fs/promises'

/** Writes a file that did not exist, for this user alone, onto the disk. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Puts the folder's entries on the disk; not every system lets a folder be opened. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    await folder.sync().finally(() => folder.close())
  } catch {
    // Then a crash of the whole machine may bring the old entry back, with an attempt id beside it.
  }
}

/** Undefined where there is no such file; every other fault is one. */
export async function unlessAbsent<Value>(access: Promise<Value>): Promise<Value | undefined> {
  try {
    return await access
  } catch (fault) {
    if (isFault(fault, 'ENOENT')) return undefined
    throw fault
  }
}

/** Whether it is that fault of the file system. */
export function isFault(fault: unknown, code: string): boolean {
  return fault instanceof Error && 'code' in fault && fault.code === code
}
