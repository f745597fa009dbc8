import {
  type AccessTokenClaims,
  type RevocationEntry,
  type RevocationKind,
  revocationEntryLimits,
  revocationKinds,
} from '@pawl/protocol'

/** What an issuer has revoked, as far as this process was told. */
export interface RevocationSet {
  /**
   * Adds an entry. What is there already is only ever widened, so entries may come twice and in any order.
   *
   * @returns false when there is no room for it
   */
  add(entry: RevocationEntry): boolean
  /** Why a token is not good any more, though it was issued and has not expired; undefined when it is. */
  judge(claims: AccessTokenClaims, keyId: string): 'revoked' | 'claims_stale' | undefined
  /** Forgets the entries that can cover no living token at an instant, in milliseconds since 1970. */
  sweep(now: number): void
  readonly entries: number
  /** About how much memory the entries take. */
  readonly bytesEstimate: number
}

/** Memory of an entry, measured on V8 just after its map has grown; what also has an instant of issue stands in two. */
function estimateBytes(kind: RevocationKind, id: string): number {
  return id.length + (isDated(kind) ? 180 : 110)
}

function isDated(kind: RevocationKind): kind is 'user' | 'client' | 'claims' {
  return kind !== 'session' && kind !== 'key'
}

/**
 * Makes an empty set. It needs no clock to judge: an entry holds as long as it is there, and it may stay longer than its
 * time, for by then all that it covers has expired.
 *
 * @param mostEntries how many entries it holds at most
 * @param graceMilliseconds for how much longer than its `until` an entry is kept: as long as an expired token is accepted
 */
export function createRevocationSet(mostEntries: number, graceMilliseconds: number): RevocationSet {
  /** By kind and id: until when an entry is kept. */
  const kept: Readonly<Record<RevocationKind, Map<string, number>>> = {
    session: new Map(),
    user: new Map(),
    client: new Map(),
    key: new Map(),
    claims: new Map(),
  }
  /** By kind and id: up to which instant of issue it covers. */
  const covered = {
    user: new Map<string, number>(),
    client: new Map<string, number>(),
    claims: new Map<string, number>(),
  }
  let entries = 0
  let bytesEstimate = 0

  const covers = (kind: keyof typeof covered, id: string, issuedAt: number) => {
    // NaN, for an id that is not there, is not greater than anything either.
    return issuedAt <= (covered[kind].get(id) ?? Number.NaN)
  }

  return {
    add({ kind, id, at, until }) {
      const known = kept[kind].get(id)
      if (known === undefined) {
        if (entries >= mostEntries) return false
        entries += 1
        bytesEstimate += estimateBytes(kind, id)
      }
      const latest = Math.min(until, at + revocationEntryLimits.keptMilliseconds)
      kept[kind].set(id, Math.max(known ?? 0, latest))
      if (isDated(kind)) covered[kind].set(id, Math.max(covered[kind].get(id) ?? 0, at))
      return true
    },
    judge({ sid, sub, client_id, iat, iat_ms = 0 }, keyId) {
      if (entries === 0) return undefined
      const issuedAt = iat * 1_000 + iat_ms
      const ended =
        kept.key.has(keyId) ||
        covers('client', client_id, issuedAt) ||
        // A session that goes on has nothing to do with what happened to its user: it would have an entry of its own.
        (sid === undefined ? covers('user', sub, issuedAt) : kept.session.has(sid))
      if (ended) return 'revoked'
      return covers('claims', sub, issuedAt) ? 'claims_stale' : undefined
    },
    sweep(now) {
      for (const kind of revocationKinds) {
        for (const [id, until] of kept[kind]) {
          if (now <= until + graceMilliseconds) continue
          kept[kind].delete(id)
          if (isDated(kind)) covered[kind].delete(id)
          entries -= 1
          bytesEstimate -= estimateBytes(kind, id)
        }
      }
    },
    get entries() {
      return entries
    },
    get bytesEstimate() {
      return bytesEstimate
    },
  }
}
