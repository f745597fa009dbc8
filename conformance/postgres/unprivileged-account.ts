import { chownSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whose rights a program is run with. */
export interface Account {
  /** Undefined: those of this process. */
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly environment: Readonly<Record<string, string>>
}

/**
 * The account that database programs run under: this process's own, or, as they refuse to be root, `postgres` or
 * `nobody`. Nothing of the environment around the tests reaches them but the PATH.
 */
export function unprivilegedAccount(): Account {
  const { PATH = '/usr/bin:/bin' } = process.env
  const environment = { PATH, LC_ALL: 'C', TZ: 'UTC' }
  if (process.getuid?.() !== 0) return { uid: undefined, gid: undefined, environment }
  const entries = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = entries.find((entry) => entry.startsWith(`${name}:`))?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid), environment }
  }
  throw new Error('this machine knows neither postgres nor nobody')
}

/** Makes a temporary folder that is the account's own. */
export function folderFor(account: Account, prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  giveTo(account, folder)
  return folder
}

/** Makes a file or folder the account's own. */
export function giveTo({ uid, gid }: Account, path: string): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}
