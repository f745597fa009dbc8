/** A mistake of the client, planted to see that the simulation finds it. */
export type ClientFault = 'attempt id of each tab' | 'any reply replaces the token' | 'no healing'

/** What the tabs or processes of one client have in common: one token, and the attempt ids beside it. */
export interface ClientStore {
  readonly token: () => string
  /** The id to send with a token of that generation; undefined for a stock client, which has none. */
  readonly attemptFor: (generation: number) => string | undefined
  /** Takes in a received token; false if the one that is there is newer. */
  readonly save: (received: string) => boolean
  /** A jar has been turned back: it holds a lower generation than was seen. */
  readonly isBehind: () => boolean
  /** Why the credential was forgotten, if it was. */
  readonly signedOut: () => string | undefined
  readonly forget: (reason: string) => void
  /** Everything it holds, as text. */
  readonly contents: () => string
}

/** Begins with the token of the sign-in. */
export function createClientStore(options: {
  readonly token: string
  readonly generationOf: (token: string) => number
  /** A cookie jar: the last writer wins, whatever the generation. */
  readonly jar: boolean
  readonly attempts: boolean
  readonly fault: ClientFault | undefined
}): ClientStore {
  const { generationOf, jar, fault } = options
  const attempts = new Map<number, string>()
  let { token } = options
  let highest = 0
  let made = 0
  let signedOut: string | undefined

  return {
    token: () => token,
    attemptFor: (generation) => {
      if (!options.attempts) return undefined
      made += 1
      const fresh = `attempt-${generation}-${made}-`.padEnd(22, 'x')
      if (fault === 'attempt id of each tab') return fresh
      // Made once per generation by an atomic create-if-absent, and read back before it is used.
      const id = attempts.get(generation) ?? fresh
      attempts.set(generation, id)
      return id
    },
    save: (received) => {
      const got = generationOf(received)
      highest = Math.max(highest, got)
      if (!jar && got <= generationOf(token) && fault !== 'any reply replaces the token') return false
      token = received
      return true
    },
    isBehind: () => generationOf(token) < highest && signedOut === undefined,
    signedOut: () => signedOut,
    forget: (reason) => {
      signedOut = reason
    },
    contents: () => JSON.stringify([token, [...attempts], signedOut]),
  }
}
