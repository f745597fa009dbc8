import type { Storage } from '@pawl/server'

/** Stands between a node and its store. */
export interface StoreGuard {
  /** Before the store is asked: nothing, or something to wait for, which may reject instead of letting the store be asked. */
  readonly before: (method: string) => Promise<void> | undefined
  /** After the store has answered; may throw the answer away. */
  readonly after: (method: string, answer: unknown) => void
}

/** What commits a change of a session. */
const commits: ReadonlySet<string> = new Set<keyof Storage>([
  'openSession',
  'moveSession',
  'countRepeat',
  'countPeek',
  'endSession',
  'endUserSessions',
  'disableUser',
  'changePassword',
  'removeClient',
])

/** Whether a method of the store commits a change of a session. */
export function isCommit(method: string): boolean {
  return commits.has(method)
}

/**
 * A node's own way to a store that outlives it: closing it leaves the store open, and what the guard throws looks to the
 * node like the store's doing. Events stay in the store, for the test to read.
 */
export function viewStore(store: Storage, guard: StoreGuard): Storage {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'close') return async () => undefined
      if (name === 'nextEvents') return async () => []
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function' || typeof name !== 'string') return member
      return (...given: unknown[]): unknown => {
        const ask = (): unknown => Reflect.apply(member, target, given)
        const held = guard.before(name)
        const answer = held === undefined ? ask() : held.then(ask)
        if (!(answer instanceof Promise)) return answer
        return answer.then((value: unknown) => {
          guard.after(name, value)
          return value
        })
      }
    },
  })
}
