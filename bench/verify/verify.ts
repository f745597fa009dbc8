import type { Bench } from '../bench.ts'
import { describeMachine } from '../measuring/machine.ts'
import { measurePaired, type Work } from '../measuring/paired-rates.ts'
import { pin } from '../measuring/pinning.ts'
import { figure, tableOf } from '../measuring/table.ts'
import { arrivalsOf, fastJwt, jose, jsonWebToken, pawl, raw, startVerifier } from './candidates.ts'
import { issueTokens } from './issued-tokens.ts'

/** Tokens that come again and again, as those of an API's users do: all of them fit into every cache. */
const warmTokens = 500

/** Tokens that come again only when as many others have come as make every cache forget them. */
const coldTokens = 4000
const smallCache = 1000

/** Entries of the revocation feed, none of them of a token that is verified. */
const revocations = 10_000

/** What checking an access token costs, revocation included: without a cache, met for the first time, and met again. */
export const verifyBench: Bench = async ({ full, print }) => {
  await using issued = await issueTokens(coldTokens, revocations)
  const { tokens } = issued
  const some = tokens.slice(0, warmTokens)
  using cold = await startVerifier(issued, 0)
  using filling = await startVerifier(issued, smallCache)
  using warm = await startVerifier(issued, 10_000)
  const candidates = new Map<string, Work>([
    ['raw', raw(issued, arrivalsOf(tokens))],
    ['pawl_cold', pawl(cold, arrivalsOf(tokens))],
    ['fast_jwt_cold', fastJwt(issued, arrivalsOf(tokens), 0)],
    ['jose', await jose(issued, arrivalsOf(tokens))],
    ['jsonwebtoken', jsonWebToken(issued, arrivalsOf(tokens))],
    ['pawl_filling', pawl(filling, arrivalsOf(tokens))],
    ['fast_jwt_filling', fastJwt(issued, arrivalsOf(tokens), smallCache)],
    ['pawl_warm', pawl(warm, arrivalsOf(some))],
    ['fast_jwt_warm', fastJwt(issued, arrivalsOf(some), 10_000)],
  ])
  const isPinned = pin(process.pid, 1)
  print(`${describeMachine()}; ${isPinned ? 'on one core' : 'not pinned'}\n`)
  print(`ES256, tokens of ${tokens[0]?.length} characters, ${revocations.toLocaleString('en')} revocations known\n\n`)
  const measured = await measurePaired(candidates, { rounds: full ? 45 : 17, slotMilliseconds: full ? 500 : 300 })
  for (const { verifier } of [cold, filling, warm]) {
    const { state, entries } = verifier.feed
    if (state !== 'live' || entries < revocations) throw new Error(`the feed is ${state} with ${entries} entries`)
  }
  print(
    tableOf(
      ['one thread', 'per processor second', 'to the raw call'],
      [...candidates.keys()].map((name) => [
        titles[name] ?? name,
        figure(measured.rate(name)),
        figure(measured.ratio(name, 'raw')),
      ]),
    ),
  )
  print('\n')
  const ratio = (name: string, other: string) => Math.round(measured.ratio(name, other) * 1000) / 1000
  return {
    cold_vs_raw: ratio('pawl_cold', 'raw'),
    warm_vs_fast_jwt: ratio('pawl_warm', 'fast_jwt_warm'),
    warm_vs_jose: ratio('pawl_warm', 'jose'),
    filling_vs_raw: ratio('pawl_filling', 'raw'),
    filling_vs_fast_jwt: ratio('pawl_filling', 'fast_jwt_filling'),
    cold_vs_fast_jwt: ratio('pawl_cold', 'fast_jwt_cold'),
    cold_vs_jose: ratio('pawl_cold', 'jose'),
    cold_vs_jsonwebtoken: ratio('pawl_cold', 'jsonwebtoken'),
    per_second: Object.fromEntries([...candidates.keys()].map((name) => [name, Math.round(measured.rate(name))])),
  }
}

const titles: Readonly<Record<string, string>> = {
  raw: '`crypto.verify` alone',
  pawl_cold: '`@pawl/verifier`, cache off',
  fast_jwt_cold: 'fast-jwt, cache off',
  jose: 'jose',
  jsonwebtoken: 'jsonwebtoken',
  pawl_filling: '`@pawl/verifier`, cache on, first time',
  fast_jwt_filling: 'fast-jwt, cache on, first time',
  pawl_warm: '`@pawl/verifier`, cache on, again',
  fast_jwt_warm: 'fast-jwt, cache on, again',
}
