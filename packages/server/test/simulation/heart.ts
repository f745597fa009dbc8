/** The code under simulation. It comes as an argument, so that a mutated copy can take its place. */
export interface Heart {
  readonly refreshing: typeof import('../../src/tokens/refresh-session.ts')
  readonly peeking: typeof import('../../src/tokens/peek-session.ts')
  readonly starting: typeof import('../../src/tokens/start-session.ts')
  readonly ending: typeof import('../../src/tokens/end-session.ts')
  readonly tokens: typeof import('../../src/tokens/refresh-token.ts')
  readonly repeatHolders: typeof import('../../src/tokens/repeat-holders.ts')
  readonly unavailable: typeof import('../../src/tokens/storage-unavailable.ts')
  readonly memorySessions: typeof import('../../src/storage/memory/sessions.ts')
  readonly memoryEvents: typeof import('../../src/storage/memory/events.ts')
  readonly sqlite: typeof import('../../src/storage/sqlite/sqlite-storage.ts')
}

/** Loads the heart from a copy of `packages/server/src`. The imports of a mutated copy have the types of the original. */
export async function loadHeart(source: URL): Promise<Heart> {
  const file = (path: string) => new URL(path, source).href
  return {
    refreshing: await import(file('tokens/refresh-session.ts')),
    peeking: await import(file('tokens/peek-session.ts')),
    starting: await import(file('tokens/start-session.ts')),
    ending: await import(file('tokens/end-session.ts')),
    tokens: await import(file('tokens/refresh-token.ts')),
    repeatHolders: await import(file('tokens/repeat-holders.ts')),
    unavailable: await import(file('tokens/storage-unavailable.ts')),
    memorySessions: await import(file('storage/memory/sessions.ts')),
    memoryEvents: await import(file('storage/memory/events.ts')),
    sqlite: await import(file('storage/sqlite/sqlite-storage.ts')),
  }
}
