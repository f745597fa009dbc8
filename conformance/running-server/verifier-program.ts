import { subscribe } from 'node:diagnostics_channel'
import { setTimeout as pause } from 'node:timers/promises'
import { createVerifier, type VerifyOptions } from '@pawl/verifier'
import { revocationFeed } from '@pawl/verifier/revocation-feed'
import { z } from 'zod'
import { machineMilliseconds, type VerifierQuestion, verifierQuestion, verifierWishes } from './verifier-messages.ts'

/**
 * A resource server without its routes: a verifier in a process of its own that answers what its parent asks. It ends with
 * its parent. See `started-verifier.ts`.
 */

/** How often a token is looked at that is about to be refused, and how often a portion of the load is verified. */
const lookMilliseconds = 5
const portionMilliseconds = 10

let networkCalls = 0
// One call may be counted several times; none is counted only if there was none.
for (const channel of ['undici:request:create', 'http.client.request.start', 'net.client.socket', 'udp.socket']) {
  subscribe(channel, () => {
    networkCalls += 1
  })
}

const wishes = verifierWishes.parse(JSON.parse(process.argv[2] ?? ''))
const { issuer, feedAt = issuer, keysAt = issuer, pinnedKeys, keysStaleIfErrorSeconds } = wishes
let { now } = wishes
let fetches = 0

const verifier = createVerifier({
  issuer,
  audience: issuer,
  jwksUri: `${keysAt}/oauth/jwks`,
  ...(feedAt !== null && { revocations: revocationFeed({ uri: `${feedAt}/revocations` }) }),
  ...(pinnedKeys !== undefined && { pinnedKeys }),
  ...(keysStaleIfErrorSeconds !== undefined && { keysStaleIfErrorSeconds }),
  ...(now !== undefined && { clock: () => now ?? Date.now() }),
  fetch: (url, init) => {
    fetches += 1
    return fetch(url, init)
  },
})

async function verdictOn(token: string, options?: VerifyOptions): Promise<string> {
  const verification = await verifier.verify(token, options)
  return verification.ok ? 'accepted' : verification.refusal.reason
}

async function refusalOf(token: string) {
  for (;;) {
    const verdict = await verdictOn(token)
    if (verdict !== 'accepted') return { verdict, at: machineMilliseconds() }
    await pause(lookMilliseconds)
  }
}

const verdictsOnLoad = new Map<string, number>()
let load: { readonly tokens: readonly string[]; readonly portion: number } = { tokens: [], portion: 0 }

async function verifyLoad(): Promise<void> {
  for (let at = 0; ; ) {
    const { tokens, portion } = load
    if (tokens.length === 0) return
    for (let count = 0; count < portion; count += 1) {
      at = (at + 1) % tokens.length
      const verdict = await verdictOn(tokens[at] ?? '')
      verdictsOnLoad.set(verdict, (verdictsOnLoad.get(verdict) ?? 0) + 1)
    }
    await pause(portionMilliseconds)
  }
}

async function answer(question: VerifierQuestion): Promise<unknown> {
  switch (question.ask) {
    case 'verify': {
      const { tokens, whenStale } = question
      const options = whenStale === undefined ? {} : { whenStale }
      return Promise.all(tokens.map((token) => verdictOn(token, options)))
    }
    case 'refusal':
      return refusalOf(question.token)
    case 'load': {
      const rests = load.tokens.length === 0
      load = { tokens: question.tokens, portion: Math.ceil((question.perSecond * portionMilliseconds) / 1000) }
      if (rests) void verifyLoad()
      return {}
    }
    case 'clock':
      now = question.now
      return {}
    case 'report': {
      const { state, entries } = verifier.feed
      return { feed: { state, entries }, fetches, networkCalls, load: Object.fromEntries(verdictsOnLoad) }
    }
  }
}

const message = z.object({ number: z.int(), question: verifierQuestion })

process.on('message', (received) => {
  const { number, question } = message.parse(received)
  void answer(question).then((found) => process.send?.({ number, answer: found }))
})
process.on('disconnect', () => process.exit())
process.send?.({ number: 0, answer: {} })
