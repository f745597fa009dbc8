import { availableParallelism } from 'node:os'
import { hash, parseOptions, verify } from '@node-rs/argon2'
import pLimit from 'p-limit'
import type { Random } from '../secrets/random.ts'

/** Cost of argon2id (RFC 9106). */
export interface PasswordHashParameters {
  readonly memoryKibibytes: number
  readonly passes: number
  readonly lanes: number
}

/** OWASP's second option for argon2id: 19 MiB, two passes, one lane. */
export const defaultPasswordHashParameters: PasswordHashParameters = { memoryKibibytes: 19_456, passes: 2, lanes: 1 }

const saltBytes = 16
const hashBytes = 32
const defaultWaiting = 200

/** Hashes and checks passwords off the event loop, a few at a time. */
export interface PasswordHashing {
  /** A new PHC string; `busy` when too many wait already. The password is taken as the UTF-8 of the string as given. */
  readonly hash: (password: string) => Promise<{ readonly phc: string } | 'busy'>
  /**
   * Whether the password is the one that was hashed. Without a PHC string it does the same work and says false, so that an
   * unknown user costs as much as a wrong password.
   */
  readonly verify: (password: string, phc: string | null) => Promise<boolean | 'busy'>
  /** Whether a PHC string was made with lower cost than new ones are. */
  readonly needsRehash: (phc: string) => boolean
}

/**
 * Makes the password hasher of a process.
 *
 * @param options.random draws the salts
 * @param options.parameters default {@link defaultPasswordHashParameters}
 * @param options.concurrent how many hashes run at once; default: as many as there are cores, but never all threads of the
 *   platform's pool, for file system and name lookups run there too
 * @param options.waiting how many may wait for their turn before callers are told `busy`; default 200
 */
export function createPasswordHashing(options: {
  readonly random: Random
  readonly parameters?: PasswordHashParameters
  readonly concurrent?: number
  readonly waiting?: number
}): PasswordHashing {
  const parameters = options.parameters ?? defaultPasswordHashParameters
  const waiting = options.waiting ?? defaultWaiting
  const concurrent = options.concurrent ?? defaultConcurrency()
  const limit = pLimit(concurrent)
  const cost = { memoryCost: parameters.memoryKibibytes, timeCost: parameters.passes, parallelism: parameters.lanes }
  // Well formed, of the current cost, and the hash of nothing: its 32 bytes are drawn, not computed.
  const nobody = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${phcBytes(options.random(saltBytes))}$${phcBytes(options.random(hashBytes))}`

  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result | 'busy'> {
    return limit.activeCount + limit.pendingCount >= concurrent + waiting ? 'busy' : await limit(work)
  }

  return {
    hash: (password) =>
      inTurn(async () => ({
        phc: await hash(password, { ...cost, outputLen: hashBytes, salt: options.random(saltBytes) }),
      })),
    verify: async (password, phc) => {
      const matches = await inTurn(() => verify(phc ?? nobody, password))
      return matches === 'busy' ? 'busy' : matches && phc !== null
    },
    needsRehash: (phc) => {
      const made = parseOptions(phc)
      return (
        !phc.startsWith('$argon2id$') ||
        made.memoryCost < parameters.memoryKibibytes ||
        made.timeCost < parameters.passes ||
        made.parallelism < parameters.lanes
      )
    },
  }
}

function defaultConcurrency(): number {
  const poolThreads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) || 4
  return Math.max(1, Math.min(availableParallelism(), poolThreads - 1))
}

/** Base64 as PHC strings have it: the standard alphabet without padding. */
function phcBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}
