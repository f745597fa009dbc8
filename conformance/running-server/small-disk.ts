import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of its own, in memory, that can be filled and made read-only. */
export interface SmallDisk extends Disposable {
  readonly path: string
  /** Takes all the room that is left. */
  readonly fill: () => void
  /** Gives it back. */
  readonly makeRoom: () => void
  /** Nobody may have a file of it open for writing. */
  readonly setWritable: (writable: boolean) => void
}

/** Whether this process may mount file systems: root may, in most containers nobody else. */
export const mayMount: boolean = tryToMount()

/** Mounts a file system of so many megabytes. */
export function smallDisk(megabytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'pawl-disk-'))
  const filler = join(path, 'filler')
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', path)
  return {
    path,
    fill: () => {
      const file = openSync(filler, 'a')
      try {
        for (const size of [65_536, 4096]) writeUntilFull(file, new Uint8Array(size))
      } finally {
        closeSync(file)
      }
    },
    makeRoom: () => rmSync(filler),
    setWritable: (writable) => run('mount', '-o', `remount,${writable ? 'rw' : 'ro'}`, path),
    [Symbol.dispose]() {
      run('umount', '--lazy', path)
      rmdirSync(path)
    },
  }
}

function writeUntilFull(file: number, bytes: Uint8Array): void {
  try {
    for (;;) writeSync(file, bytes)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}

function tryToMount(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    smallDisk(1)[Symbol.dispose]()
    return true
  } catch {
    return false
  }
}

function run(command: string, ...words: readonly string[]): void {
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr}`)
}
