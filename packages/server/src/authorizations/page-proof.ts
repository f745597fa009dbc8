import { createHmac, timingSafeEqual } from 'node:crypto'

/** What a proof is for: going on after signing in, or sending a form of a page. */
export type ProofPurpose = 'signed_in' | 'form'

/** What binds a form, or a step on the way, to one session at the pages and to one pending request (standards AZ-12). */
export interface PageProofs {
  /** @param now the store's instant, in milliseconds */
  readonly make: (about: ProofSubject, now: number) => string
  readonly holds: (proof: string | null | undefined, about: ProofSubject, now: number) => boolean
}

/** What one proof is about. */
export interface ProofSubject {
  readonly purpose: ProofPurpose
  /** The session at the pages; empty where there is none. */
  readonly sessionId: string
  /** The pending request, as text that is the same for the same one. */
  readonly request: string
}

/** How long a page may lie open before its form is asked for again, in milliseconds. */
const proofMilliseconds = 3_600_000

/** Proofs by HMAC-SHA-256: nothing is stored, so however many pages are opened, nothing grows (T19.3). */
export function createPageProofs(key: Uint8Array): PageProofs {
  const codeOf = ({ purpose, sessionId, request }: ProofSubject, until: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([purpose, sessionId, request, until]))
      .digest()

  return {
    make(about, now) {
      const until = (now + proofMilliseconds).toString(36)
      return `${until}.${codeOf(about, until).toString('base64url')}`
    },
    holds(proof, about, now) {
      const [, until, code] = /^([0-9a-z]{1,12})\.([A-Za-z0-9_-]{43})$/.exec(proof ?? '') ?? []
      if (until === undefined || code === undefined || Number.parseInt(until, 36) <= now) return false
      return timingSafeEqual(Buffer.from(code, 'base64url'), codeOf(about, until))
    },
  }
}
