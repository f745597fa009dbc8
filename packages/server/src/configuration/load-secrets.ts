import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../secrets/random.ts'
import { generateSecret, parseServerSecrets } from '../secrets/server-secrets.ts'
import type { ConfigurationProblem, ServerSecrets } from './settings.ts'

/** Outcome of {@link loadSecrets}. */
export type SecretsOutcome =
  | {
      readonly ok: true
      readonly secrets: ServerSecrets
      /** Whether this call made the file. */
      readonly created: boolean
      readonly warnings: readonly string[]
    }
  | { readonly ok: false; readonly problem: ConfigurationProblem }

/** Name of the file below the data directory. Same form as `PAWL_SECRETS`, one line. */
export const secretsFileName = 'secrets'

/**
 * The secrets of a development server that was given none: read from `<data>/secrets`, which is made at the first
 * start with mode 0600. Of two processes that start at once one makes the file and both use it: it is written under
 * another name and then linked into place, which fails for the second, so nobody ever reads half a file.
 *
 * @param data data directory; created with mode 0700 if it is not there
 * @param random draws a new secret and the temporary name
 */
export async function loadSecrets(data: string, random: Random): Promise<SecretsOutcome> {
  const path = join(data, secretsFileName)
  await mkdir(data, { recursive: true, mode: 0o700 })
  const created = (await readIfThere(path)) === undefined && (await createOnce(path, data, random))
  const text = await readIfThere(path)
  const outcome = parseServerSecrets((text ?? '').trim())
  if (!outcome.ok) {
    const reason = `is not set, and ${path} does not hold secrets: ${outcome.refusals.map((refusal) => refusal.message).join(' ')}`
    return { ok: false, problem: { setting: 'PAWL_SECRETS', reason, fix: 'restore that file or set PAWL_SECRETS' } }
  }
  return { ok: true, secrets: outcome.secrets, created, warnings: await permissionWarnings(path) }
}

/** What is wrong with who may read a private file; empty where all is well, where there is no file, and on Windows. */
export async function permissionWarnings(path: string): Promise<readonly string[]> {
  const facts = await stat(path).catch((error: unknown) =>
    isCode(error, 'ENOENT') ? undefined : Promise.reject(error),
  )
  if (facts === undefined || process.platform === 'win32' || (facts.mode & 0o077) === 0) return []
  const mode = (facts.mode & 0o777).toString(8).padStart(4, '0')
  return [`${path} has mode ${mode}: others on this machine can read or change it. Run: chmod 600 ${path}`]
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Makes the file unless it is there by now. True: this call made it. */
async function createOnce(path: string, data: string, random: Random): Promise<boolean> {
  const temporary = `${path}.${Buffer.from(random(8)).toString('hex')}`
  await writeDurably(temporary, `${generateSecret(random)}\n`)
  try {
    await link(temporary, path)
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(data)
  return true
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the new name survive a power cut, before any token depends on what the file holds. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
