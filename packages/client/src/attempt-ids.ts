import type { SessionState } from '@pawl/protocol'
import { withSignal } from './deadline.ts'
import type { StateCookie } from './state-cookie.ts'

/** One step of one session. */
export interface Generation {
  readonly sessionId: string
  readonly generation: number
}

/**
 * Keeps attempt ids: random values, one per generation of a session, shared by all tabs that share the cookies. Sent with
 * a refresh, an id lets its lost or late reply be fetched again, however late. A store that cannot create one atomically
 * has to give none.
 */
export interface AttemptStore {
  /**
   * Creates the id of a generation if there is none yet, in one atomic step, and reads back the one that stands.
   *
   * @param candidate a fresh random id, to be stored if there is none
   * @returns the id that stands; undefined, or a rejection, when that is not certain
   */
  claim(generation: Generation, candidate: string): Promise<string | undefined>
  /** Drops all ids of a session that is over. */
  forget(sessionId: string): Promise<void>
}

/** What a refresh is about to present. */
export interface Presented {
  /** What the jar holds, as far as it can be read. */
  readonly state: SessionState | undefined
  /** Undefined: none is sent, and only the server's race window covers a lost reply. */
  readonly attemptId: string | undefined
}

/** A store that takes longer is done without: a refresh never waits for a database that hangs. */
const longestMilliseconds = 2_000
const mostRounds = 3

/** What claiming needs. */
export interface AttemptParts {
  readonly attempts: AttemptStore | undefined
  readonly timeout: (milliseconds: number) => AbortSignal
  readonly random: (bytes: number) => Uint8Array
}

/** Claims the attempt id of a generation. Undefined: there is none that is certain. */
export async function claimFor(
  generation: Generation,
  { attempts, timeout, random }: AttemptParts,
): Promise<string | undefined> {
  try {
    const claimed = attempts?.claim(generation, hexadecimal(random(16)))
    return claimed && (await withSignal(claimed, timeout(longestMilliseconds)))
  } catch {
    return undefined
  }
}

/** Claims the attempt id of the generation that the jar holds. */
export async function claimAttempt(parts: AttemptParts, cookie: Pick<StateCookie, 'read'>): Promise<Presented> {
  let state = presentState(cookie)
  if (parts.attempts === undefined) return { state, attemptId: undefined }
  for (let round = 0; state !== undefined && round < mostRounds; round += 1) {
    const attemptId = await claimFor(state, parts)
    const now = presentState(cookie)
    // While the store worked, another tab may have moved the session; an id must go with the generation it was made for.
    if (now?.sessionId === state.sessionId && now.generation === state.generation) return { state, attemptId }
    state = now
  }
  return { state, attemptId: undefined }
}

function presentState(cookie: Pick<StateCookie, 'read'>): SessionState | undefined {
  const reading = cookie.read()
  return typeof reading === 'object' ? reading : undefined
}

/** Hexadecimal digits are base64url characters, too, and need less code to write. */
function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
