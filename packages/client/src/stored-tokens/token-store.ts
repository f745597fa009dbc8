import type { AttemptStore } from '../attempt-ids.ts'

/**
 * Where a client keeps its tokens: one text, which all tabs or processes that share the session share. Whoever holds the
 * text holds the session, so it belongs where other users and programs cannot read it.
 */
export interface TokenStore {
  /**
   * Reads what is stored.
   *
   * @returns undefined: nothing is stored, nobody is signed in. Where that is not certain, because the store is locked, busy
   *   or broken, it rejects; then nobody is taken for signed out, and nothing is overwritten
   */
  read(): Promise<string | undefined>
  /**
   * Replaces what is stored by what `change` makes of it: undefined removes it, the very same text leaves it alone. Nobody
   * else writes in between where the store can see to that, and a reader finds the old text or the new one, never a part.
   * What is written survives a crash once this resolves.
   *
   * @returns what is stored now
   */
  update(change: (stored: string | undefined) => string | undefined): Promise<string | undefined>
  /** Attempt ids, if the store can create one atomically. Without them only the server's race window covers a lost reply. */
  readonly attempts?: AttemptStore
  /**
   * Runs `work` while nobody else who shares the store does, as far as that can be had before `patience` fires. It is a
   * hint that saves requests; everything stays right without it.
   */
  alone?(work: () => Promise<void>, patience: AbortSignal): Promise<void>
  /**
   * Calls the listener when somebody else has changed what is stored.
   *
   * @returns a function that ends it
   */
  watch?(listener: () => void): () => void
}
