import type { TestIssuer, TestSession } from '@pawl/test-kit'

/** Where hand-written clients keep their tokens; several tabs, or processes that read one file, share it. */
export interface NaiveStore {
  refreshToken: string | undefined
}

/** A client as it is written by hand again and again: it works until something goes wrong. */
export interface NaiveClient {
  readonly store: NaiveStore
  /** Refreshes. Resolves when the issuer has answered, however late; rejects when it cannot be reached. */
  readonly refresh: () => Promise<'renewed' | 'signed-out'>
  readonly isSignedIn: () => boolean
}

/** @param store shared with other clients; default: a copy of its own */
export function naiveClient(
  kit: Pick<TestIssuer, 'issuer' | 'fetch'>,
  session: Pick<TestSession, 'refreshToken'>,
  store: NaiveStore = { refreshToken: session.refreshToken },
): NaiveClient {
  return {
    store,
    isSignedIn: () => store.refreshToken !== undefined,
    refresh: async () => {
      const reply = await kit.fetch(`${kit.issuer}/auth/refresh`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ refresh_token: store.refreshToken }),
      })
      const document: unknown = await reply.json().catch(() => undefined)
      // The flaw of most: whatever is not a token is taken for a sign-out. And of many: what came last is taken for new.
      store.refreshToken = refreshTokenOf(document)
      return store.refreshToken === undefined ? 'signed-out' : 'renewed'
    },
  }
}

function refreshTokenOf(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null || !('refresh_token' in document)) return undefined
  return typeof document.refresh_token === 'string' ? document.refresh_token : undefined
}
