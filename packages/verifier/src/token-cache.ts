/** What came of verifying a token, kept for the next time that it is shown. */
export interface TokenCache<Entry> {
  get(token: string): Entry | undefined
  /** @param expiresAt when the token is of no use any more, milliseconds since 1970 */
  set(token: string, entry: Entry, expiresAt: number): void
  delete(token: string): void
  readonly tokens: number
  /** About how much memory the entries take. */
  readonly bytesEstimate: number
}

/** How much a cache may hold. */
export interface TokenCacheLimits {
  readonly tokens: number
  readonly bytes: number
}

interface Slot<Entry> {
  readonly entry: Entry
  readonly bytes: number
  readonly expiresAt: number
  /** Whether it was asked for since the hand last passed. */
  used: boolean
}

const sweepMilliseconds = 60_000

/**
 * Memory of an entry by the length of its token: the text, and the claims that stand in it, as objects. Measured on V8.
 */
function estimateBytes(token: string): number {
  return 1_000 + 4 * token.length
}

/**
 * Makes a cache that never holds more than its limits. When it is full, a hand goes round and takes away the first token
 * that was not asked for since it last came by (CLOCK): nearly as good as taking the one not used for longest, and a hit
 * costs no more than looking up a map.
 *
 * @param clock milliseconds since 1970
 */
export function createTokenCache<Entry>(limits: TokenCacheLimits, clock: () => number): TokenCache<Entry> {
  const slots = new Map<string, Slot<Entry>>()
  let hand = slots.entries()
  let bytesEstimate = 0
  let sweptAt = 0

  const drop = (token: string, slot: Slot<Entry>) => {
    slots.delete(token)
    bytesEstimate -= slot.bytes
  }

  /** Takes one token away. Two rounds at most: after the first one none counts as used. */
  const makeRoom = () => {
    const now = clock()
    for (;;) {
      const next = hand.next()
      if (next.done) {
        if (slots.size === 0) return
        hand = slots.entries()
        continue
      }
      const [token, slot] = next.value
      if (!slot.used || slot.expiresAt <= now) return drop(token, slot)
      slot.used = false
    }
  }

  const sweep = (now: number) => {
    if (Math.abs(now - sweptAt) < sweepMilliseconds) return
    sweptAt = now
    for (const [token, slot] of slots) if (slot.expiresAt <= now) drop(token, slot)
  }

  return {
    get(token) {
      const slot = slots.get(token)
      if (slot === undefined) return undefined
      slot.used = true
      return slot.entry
    },
    set(token, entry, expiresAt) {
      sweep(clock())
      const bytes = estimateBytes(token)
      if (bytes > limits.bytes || limits.tokens < 1) return
      const known = slots.get(token)
      if (known !== undefined) drop(token, known)
      while (slots.size >= limits.tokens || bytesEstimate + bytes > limits.bytes) makeRoom()
      slots.set(ownText(token), { entry, bytes, expiresAt, used: false })
      bytesEstimate += bytes
    },
    delete(token) {
      const slot = slots.get(token)
      if (slot !== undefined) drop(token, slot)
    },
    get tokens() {
      return slots.size
    },
    get bytesEstimate() {
      return bytesEstimate
    },
  }
}

/** The same text in memory of its own: in some engines what was cut out of a header keeps the whole header alive. */
function ownText(text: string): string {
  return ` ${text}`.slice(1)
}
