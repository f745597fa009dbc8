import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type Reply, type RequestLine, sendTo } from './http-request.ts'
import { type StartedVerifier, startVerifier } from './started-verifier.ts'
import { machineMilliseconds } from './verifier-messages.ts'

/** How sessions are ended one after the other while verifiers look on. Rates are per second. */
export interface DrillPlan {
  readonly issuer: string
  /** Where the nodes of that issuer listen: clients and verifiers spread over them. */
  readonly origins: readonly string[]
  readonly credentials: { readonly username: string; readonly password: string }
  readonly verifiers: number
  readonly revocations: number
  readonly revocationsPerSecond: number
  /** The load beside it: sessions that live on, refreshed so often in all. */
  readonly refreshesPerSecond: number
  /** And how often each verifier checks a token of theirs. */
  readonly verificationsPerSecond: number
}

/** What came of it. Times are milliseconds of the machine's monotonic clock. */
export interface DrillReport {
  readonly revocations: readonly {
    /** From the reply until the last of the verifiers refused; 0 where that was before the reply was read. */
    readonly afterReply: number
    /** From before the request was sent. */
    readonly afterRequest: number
  }[]
  /** What the verifiers refused the ended sessions' tokens with, each by its number. */
  readonly refusals: Readonly<Record<string, number>>
  /** What the verifiers said of the tokens of sessions that live on. */
  readonly load: Readonly<Record<string, number>>
  readonly refreshes: number
  /** What the verifiers' processes began on the network between the first revocation and the last refusal. */
  readonly networkCalls: number
  /** The same from their start until then: who counts sees at least the feed and the keys. */
  readonly networkCallsBefore: number
}

const living = 16
const signInsAtOnce = 8

const session = z.looseObject({ access_token: z.string(), refresh_token: z.string() })
type Session = z.infer<typeof session>

type Send = (path: string, request: RequestLine) => Promise<Reply>

/** Signs in, starts the verifiers, has them accept every token, and then ends the sessions at a steady pace. */
export async function drillRevocations(plan: DrillPlan): Promise<DrillReport> {
  const senders = plan.origins.map(
    (origin): Send =>
      (path, request) =>
        sendTo(origin + path, request),
  )
  const senderOf = (index: number): Send => senders[index % senders.length] ?? sendTo
  const sessions = await signInOften(plan, senderOf)
  const load = sessions.splice(0, living)
  const verifiers = await startAll(plan)
  try {
    const tokens = sessions.map(({ access_token }) => access_token)
    for (const verifier of verifiers) await expectAccepted(verifier, tokens)
    await Promise.all(
      verifiers.map((verifier) =>
        verifier.load(
          load.map(({ access_token }) => access_token),
          plan.verificationsPerSecond,
        ),
      ),
    )
    const before = await callsOf(verifiers)
    const stop = new AbortController()
    const refreshing = refreshOn(load, plan.refreshesPerSecond, { senderOf, signal: stop.signal })
    // What goes wrong first is what is told; these are asked for later, if at all.
    refreshing.catch(() => undefined)
    const ends = await endAll(sessions, plan, { senderOf, verifiers })
    stop.abort()
    const refreshes = await refreshing
    const reports = await Promise.all(verifiers.map((verifier) => verifier.report()))
    return {
      revocations: ends.map(({ afterReply, afterRequest }) => ({ afterReply, afterRequest })),
      refusals: sumOf(ends.map(({ verdicts }) => verdicts)),
      load: sumOf(reports.map((report) => report.load)),
      refreshes,
      networkCalls: (await callsOf(verifiers)) - before,
      networkCallsBefore: before,
    }
  } finally {
    await Promise.all(verifiers.map((verifier) => verifier[Symbol.asyncDispose]()))
  }
}

async function signInOften({ credentials, revocations }: DrillPlan, senderOf: (index: number) => Send) {
  const sessions: Session[] = []
  let begun = 0
  const signIn = async () => {
    for (let index = begun++; index < revocations + living; index = begun++) {
      const reply = await senderOf(index)('/auth/login', { json: { ...credentials, delivery: 'body' } })
      if (reply.status !== 200) throw new Error(`a sign-in was answered ${reply.status}: ${reply.text}`)
      sessions.push(reply.read(session))
    }
  }
  await Promise.all(Array.from({ length: signInsAtOnce }, signIn))
  return sessions
}

async function startAll({ issuer, origins, verifiers }: DrillPlan): Promise<readonly StartedVerifier[]> {
  const starting = Array.from({ length: verifiers }, (_, index) => {
    const origin = origins[index % origins.length] ?? issuer
    return startVerifier({ issuer, feedAt: origin, keysAt: origin })
  })
  return Promise.all(starting)
}

async function expectAccepted(verifier: StartedVerifier, tokens: readonly string[]): Promise<void> {
  for (;;) {
    const verdicts = await verifier.verdicts(tokens)
    if (verdicts.some((verdict) => verdict !== 'accepted')) throw new Error(`refused before it ended: ${verdicts}`)
    if ((await verifier.report()).feed.state === 'live') return
    await pause(20)
  }
}

async function callsOf(verifiers: readonly StartedVerifier[]): Promise<number> {
  const reports = await Promise.all(verifiers.map((verifier) => verifier.report()))
  return reports.reduce((sum, { networkCalls }) => sum + networkCalls, 0)
}

/** Each client refreshes one session, and rests in between for as long as the rate asks. */
async function refreshOn(
  sessions: readonly Session[],
  perSecond: number,
  { senderOf, signal }: { readonly senderOf: (index: number) => Send; readonly signal: AbortSignal },
): Promise<number> {
  let refreshes = 0
  const every = (1000 * sessions.length) / perSecond
  const client = async ({ refresh_token: first }: Session, index: number) => {
    for (let token = first, due = machineMilliseconds(); !signal.aborted; due += every) {
      const reply = await senderOf(index + refreshes)('/auth/refresh', { json: { refresh_token: token } })
      if (reply.status !== 200) throw new Error(`a refresh was answered ${reply.status}: ${reply.text}`)
      token = reply.read(session).refresh_token
      refreshes += 1
      await pause(Math.max(0, due + every - machineMilliseconds()))
    }
  }
  await Promise.all(sessions.map(client))
  return refreshes
}

interface Surroundings {
  readonly senderOf: (index: number) => Send
  readonly verifiers: readonly StartedVerifier[]
}

async function endAll(sessions: readonly Session[], { revocationsPerSecond }: DrillPlan, surroundings: Surroundings) {
  const began = machineMilliseconds()
  const ends = sessions.map(async (each, index) => {
    await pause((index * 1000) / revocationsPerSecond)
    return end(each, index, surroundings)
  })
  const ended = await Promise.all(ends)
  const seconds = (machineMilliseconds() - began) / 1000
  if (seconds > (2 * sessions.length) / revocationsPerSecond + 10)
    throw new Error(`it took ${seconds} s: too much load`)
  return ended
}

async function end({ access_token, refresh_token }: Session, index: number, { senderOf, verifiers }: Surroundings) {
  const looking = Promise.all(verifiers.map((verifier) => verifier.refusal(access_token)))
  looking.catch(() => undefined)
  const sent = machineMilliseconds()
  const reply = await senderOf(index)('/auth/logout', { json: { refresh_token } })
  const replied = machineMilliseconds()
  if (reply.status !== 204) throw new Error(`a sign-out was answered ${reply.status}: ${reply.text}`)
  const refusals = await looking
  if (refusals.some(({ at }) => at < sent)) throw new Error('a token was refused before its session ended')
  const last = Math.max(...refusals.map(({ at }) => at))
  const verdicts = sumOf(refusals.map(({ verdict }) => ({ [verdict]: 1 })))
  return { afterReply: Math.max(0, last - replied), afterRequest: last - sent, verdicts }
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const each of counts) for (const [name, count] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + count
  return sums
}
