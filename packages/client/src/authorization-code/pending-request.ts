import { isRecord } from '../token-reply.ts'
import type { WebStorage } from '../web-storage.ts'

/** What has to be remembered between leaving for the server and coming back (standards AZ-C1). */
export interface PendingRequest {
  readonly verifier: string
  readonly nonce: string
  readonly issuer: string
  /** Whatever the application wants to find again. */
  readonly returnTo: string | undefined
}

/** Requests under way by their `state`. */
export interface PendingRequests {
  readonly keep: (state: string, request: PendingRequest) => void
  /** Takes one out: a `state` is good once. */
  readonly take: (state: string) => PendingRequest | undefined
}

const prefix = 'pawl sign-in '

/** @param storage of this browser tab, or of this process */
export function keepRequests(storage: WebStorage): PendingRequests {
  return {
    keep: (state, request) => storage.setItem(prefix + state, JSON.stringify(request)),
    take: (state) => {
      const text = storage.getItem(prefix + state)
      storage.removeItem(prefix + state)
      return readRequest(text)
    },
  }
}

function readRequest(text: string | null): PendingRequest | undefined {
  try {
    const request: unknown = JSON.parse(text ?? '')
    if (!isRecord(request)) return undefined
    const { verifier, nonce, issuer, returnTo } = request
    if (typeof verifier !== 'string' || typeof nonce !== 'string' || typeof issuer !== 'string') return undefined
    return { verifier, nonce, issuer, returnTo: typeof returnTo === 'string' ? returnTo : undefined }
  } catch {
    return undefined
  }
}

/** Remembers requests in memory, for programs that wait for the browser themselves. */
export function memoryStorage(): WebStorage {
  const entries = new Map<string, string>()
  return {
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: (key) => void entries.delete(key),
  }
}
