import type { AttemptStore } from '../attempt-ids.ts'
import type { TokenStore } from './token-store.ts'

/** One place for one text, such as an entry of the operating system's keychain. */
export interface TextSlot {
  /** Rejects when it cannot tell, because the keychain is locked, say; undefined means that it is empty. */
  read(): Promise<string | undefined>
  write(text: string): Promise<void>
  remove(): Promise<void>
  /** Attempt ids, if the place can create an entry only where there is none, in one atomic step. */
  readonly attempts?: AttemptStore
}

/** Tokens in a place of your own choice. One client at a time may use it, unless you bring attempt ids along. */
export function customStore(slot: TextSlot): TokenStore {
  let last: Promise<unknown> = Promise.resolve()
  return {
    read: () => slot.read(),
    update: (change) => {
      const update = async () => {
        const stored = await slot.read()
        const next = change(stored)
        if (next === stored) return stored
        await (next === undefined ? slot.remove() : slot.write(next))
        return next
      }
      const updated = last.then(update)
      last = updated.catch(() => undefined)
      return updated
    },
    ...(slot.attempts !== undefined && { attempts: slot.attempts }),
  }
}
