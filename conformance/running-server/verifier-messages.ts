import { z } from 'zod'

/** How a verifier in a process of its own is made. */
export const verifierWishes = z.object({
  issuer: z.string(),
  /** Origin at which the feed is read. Default: the issuer; null: there is no feed. */
  feedAt: z.string().nullable().optional(),
  /** Origin at which the keys are read. Default: the issuer. */
  keysAt: z.string().optional(),
  pinnedKeys: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).optional(),
  keysStaleIfErrorSeconds: z.number().optional(),
  /** What the clock of the verifier says, in milliseconds since 1970, until it is set. Default: it goes with the system's. */
  now: z.number().optional(),
})

/** See {@link verifierWishes}. */
export type VerifierWishes = z.infer<typeof verifierWishes>

const whenStale = z.union([z.enum(['accept', 'refuse']), z.object({ acceptForSeconds: z.number() })])

/** What such a verifier may be asked. */
export const verifierQuestion = z.discriminatedUnion('ask', [
  /** Verify each of them. */
  z.object({ ask: z.literal('verify'), tokens: z.array(z.string()), whenStale: whenStale.optional() }),
  /** Look at a token every few milliseconds until it is refused. */
  z.object({ ask: z.literal('refusal'), token: z.string() }),
  /** From now on verify these in turn, so many a second; none: rest. */
  z.object({ ask: z.literal('load'), tokens: z.array(z.string()), perSecond: z.number() }),
  /** Let the clock show that. */
  z.object({ ask: z.literal('clock'), now: z.number() }),
  z.object({ ask: z.literal('report') }),
])

/** See {@link verifierQuestion}. */
export type VerifierQuestion = z.infer<typeof verifierQuestion>

/** A refusal, and when it was seen: milliseconds of the machine's monotonic clock, the same in all processes. */
export const seenRefusal = z.object({ verdict: z.string(), at: z.number() })

/** How things stand with such a verifier. */
export const verifierReport = z.object({
  feed: z.object({ state: z.enum(['off', 'live', 'stale']), entries: z.number() }),
  /** How often the verifier has called the `fetch` that it was given. */
  fetches: z.number(),
  /** How many requests and connections the whole process has begun, whoever did, as Node itself tells. */
  networkCalls: z.number(),
  /** Of the load: how often it was verified, by verdict. */
  load: z.record(z.string(), z.number()),
})

/** See {@link verifierReport}. */
export type VerifierReport = z.infer<typeof verifierReport>

/** Milliseconds of the machine's monotonic clock; unlike `performance.now()` it begins at the same instant for everyone. */
export function machineMilliseconds(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
