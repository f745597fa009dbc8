import type { UserDocument } from '@pawl/protocol'
import { isRecord, readUser } from '../token-reply.ts'

/** A session as the store keeps it. Instants are milliseconds since 1970. */
export interface StoredSession {
  readonly sessionId: string
  readonly generation: number
  readonly refreshToken: string
  readonly user: UserDocument
  readonly accessToken: string
  /** By the server's clock, and so is `refreshAt`. */
  readonly expiresAt: number
  readonly refreshAt: number
  /** By the device's clock. */
  readonly savedAt: number
  /** How far the server's clock was ahead of the device's, in milliseconds. */
  readonly clockOffset: number
}

/** All that a store holds. */
export interface StoredState {
  readonly session: StoredSession | undefined
  /** Refresh tokens of sessions that were signed out here, which the server has still to be told. */
  readonly endings: readonly string[]
}

const version = 1

/** Writes the state as the text that a store keeps; undefined when there is nothing to keep. */
export function writeState({ session, endings }: StoredState): string | undefined {
  if (session === undefined && endings.length === 0) return undefined
  return JSON.stringify({ version, session, endings: endings.length === 0 ? undefined : endings })
}

/** Reads what a store kept. What is not of our making is nothing. */
export function readState(text: string | undefined): StoredState {
  const state = parse(text ?? '')
  if (!isRecord(state) || state['version'] !== version) return { session: undefined, endings: [] }
  const { session, endings } = state
  return {
    session: readSession(session),
    endings: Array.isArray(endings) ? endings.filter((ending) => typeof ending === 'string') : [],
  }
}

function readSession(value: unknown): StoredSession | undefined {
  if (!isRecord(value)) return undefined
  const user = readUser(value['user'])
  const [sessionId, refreshToken, accessToken] = [value['sessionId'], value['refreshToken'], value['accessToken']]
  const numbers = [value['generation'], value['expiresAt'], value['refreshAt'], value['savedAt'], value['clockOffset']]
  const [generation, expiresAt, refreshAt, savedAt, clockOffset] = numbers.map((number) =>
    typeof number === 'number' ? number : Number.NaN,
  )
  if (typeof sessionId !== 'string' || typeof refreshToken !== 'string' || typeof accessToken !== 'string')
    return undefined
  if (user === undefined || generation === undefined || !Number.isSafeInteger(generation)) return undefined
  // Instants that cannot be read are long past: then there is a refresh, and nothing worse.
  const past = (instant: number | undefined) => (Number.isFinite(instant) ? (instant ?? 0) : 0)
  return {
    sessionId,
    generation,
    refreshToken,
    user,
    accessToken,
    expiresAt: past(expiresAt),
    refreshAt: past(refreshAt),
    savedAt: past(savedAt),
    clockOffset: past(clockOffset),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
