import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { startChromium } from '../running-server/chromium.ts'
import { startClientProcess } from '../running-server/client-process.ts'
import { startPageServer } from '../running-server/page-server.ts'
import { alice } from '../running-server/started-server.ts'
import { startUnreliableProxy } from './unreliable-proxy.ts'

/** What a soak is made of. */
export interface SoakWishes {
  readonly milliseconds: number
  readonly tabs: number
  readonly processes: number
  readonly seed: number
}

/** What was seen. */
export interface SoakReport {
  /** Everything that must not have been: sign-outs, promises that took longer than they may. */
  readonly complaints: readonly string[]
  /** What the clients were asked for, all together. */
  readonly acts: number
  /** What the proxy did. */
  readonly fates: Readonly<Record<string, number>>
  /** How far each session that lives has moved: there have to be two. */
  readonly generations: readonly number[]
}

/** Short, so that there is much to renew; long enough for eight rotations in a race window and no more. */
const accessSeconds = 8

/** For a page to load, on a machine that does other things besides. */
const patienceMilliseconds = 120_000

/** The longest that anything may take that a client promises, and what a busy machine adds. */
const longestMilliseconds = { session: 25_000, refresh: 25_000, call: 60_000 } as const
type Act = keyof typeof longestMilliseconds
const acts: readonly Act[] = ['session', 'call', 'call', 'call', 'call', 'call', 'call', 'refresh']

/** Whoever can be asked for something: a tab or a process. */
interface Participant {
  readonly name: string
  readonly act: (act: Act) => Promise<unknown>
  /** Dies and comes back. */
  readonly restart: () => Promise<void>
}

/**
 * Tabs that share a jar, and processes that share a file, use the server over a proxy that drops, delays, doubles and
 * answers itself. All of them are honest holders, so none of it may sign them out.
 */
export async function soak({ milliseconds, tabs, processes, seed }: SoakWishes): Promise<SoakReport> {
  const random = randomNumbers(seed)
  const folder = await mkdtemp(join(tmpdir(), 'pawl-soak-'))
  await using proxy = await startUnreliableProxy({ share: 0.3, random, longestDelay: 3_000 })
  await using server = await startPageServer({ issuer: proxy.origin, realTime: true, accessSeconds })
  proxy.pointAt(server.origin)
  const browser = await startChromium()
  const complaints: string[] = []
  let count = 0

  async function work(participant: Participant, until: number): Promise<void> {
    while (performance.now() < until) {
      const act = acts[Math.floor(random() * acts.length)] ?? 'call'
      const began = performance.now()
      const outcome = await Promise.race([participant.act(act), wait(longestMilliseconds[act], 'overdue')])
      count += 1
      if (outcome === 'overdue') complaints.push(`${participant.name}: ${act} took longer than it may`)
      if (isSignedOut(outcome)) complaints.push(`${participant.name}: ${JSON.stringify(outcome)} after ${count} acts`)
      if (random() < 0.01) await participant.restart()
      await wait(random() * 2_000 + Math.min(500, performance.now() - began))
    }
  }

  try {
    const context = await browser.newContext()
    context.setDefaultTimeout(patienceMilliseconds)
    const pages: Page[] = []
    while (pages.length < tabs) {
      const page = await context.newPage()
      await open(page, proxy.origin)
      pages.push(page)
    }
    await pages[0]?.evaluate(`client.signIn(${JSON.stringify(alice)})`)
    const file = join(folder, 'tokens.json')
    const first = startClientProcess(proxy.origin, file)
    await first.ask('signIn', alice)
    const participants = [
      ...pages.map((page, index) => tabAsParticipant(`tab ${index}`, page, proxy.origin)),
      ...Array.from({ length: processes }, (_, index) => processAsParticipant(`process ${index}`, proxy.origin, file)),
    ]
    const until = performance.now() + milliseconds
    await Promise.all(participants.map((participant) => work(participant, until)))
    await Promise.all(participants.map((participant) => participant.act('session')))
    await first[Symbol.asyncDispose]()
  } finally {
    await browser.close()
    await rm(folder, { recursive: true, force: true })
  }
  const listed = await server.pawl.administration.listSessions({ limit: 10 })
  if (listed.outcome !== 'listed') throw new Error('the sessions can be listed')
  return {
    complaints,
    acts: count,
    fates: Object.fromEntries(proxy.done),
    generations: listed.sessions.map(({ generation }) => generation),
  }
}

function isSignedOut(outcome: unknown): boolean {
  return typeof outcome === 'object' && outcome !== null && 'status' in outcome && outcome.status === 'signed-out'
}

async function open(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.waitForFunction('globalThis.client !== undefined')
}

function tabAsParticipant(name: string, page: Page, origin: string): Participant {
  const call = "client.fetch('/auth/session').then((reply) => reply.status, String)"
  return {
    name,
    act: (act) => page.evaluate(act === 'call' ? call : `client.${act}()`),
    restart: () => open(page, origin),
  }
}

function processAsParticipant(name: string, origin: string, file: string): Participant {
  let running = startClientProcess(origin, file)
  return {
    name,
    act: (act) => running.ask(act === 'call' ? 'tryCall' : act),
    restart: async () => {
      await running[Symbol.asyncDispose]()
      running = startClientProcess(origin, file)
    },
  }
}

/** Numbers that look random and are the same in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
