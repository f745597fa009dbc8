import type { Alternative } from './choices.ts'
import { type ClientFault, type ClientStore, createClientStore } from './client-store.ts'
import { clientId, type Reply, type SimulatedRequest } from './request.ts'
import type { Tasks } from './tasks.ts'
import type { World } from './world.ts'

/** The tabs or processes of one client, on one store. */
export interface HolderOptions {
  readonly tabs: number
  /** The store is a cookie jar. */
  readonly jar: boolean
  /** Without attempt ids: a stock client. */
  readonly attempts: boolean
  readonly fault?: ClientFault | undefined
}

/** A request of a holder that is not over yet. */
interface Flight {
  readonly since: number
  readonly tab: string
  /** It has left, so it goes on whatever becomes of the tab. */
  sent: boolean
  decided: boolean
}

/** Tabs or processes that share one store, as the design's *honest holder*. */
export interface Holders {
  readonly store: ClientStore
  /** Names of the tabs, as they stand after crashes. */
  readonly tabs: () => readonly string[]
  /** Reads the store, sends, and keeps what comes back. True: answered. */
  readonly ask: (tab: string, kind: SimulatedRequest['kind']) => Promise<boolean>
  /** Others overtake it more often than not. */
  readonly isSlow: (actor: string) => boolean
  readonly mayCrash: (tab: string) => boolean
  readonly crash: (tab: string) => void
  /** Who has a request under way that is not decided or, with a jar, not delivered. */
  readonly flights: () => readonly string[]
  /** Since when the oldest of them has been under way. */
  readonly oldestFlight: () => number | undefined
}

const paces: readonly Alternative[] = [
  { name: 'ok', weight: 3 },
  { name: 'slowly', weight: 1 },
]

const sendings: readonly Alternative[] = [
  { name: 'ok', weight: 8 },
  { name: 'loses the request on the way', weight: 1 },
  { name: 'has the request doubled on the way', weight: 1 },
]

const deliveries: readonly Alternative[] = [
  { name: 'ok', weight: 12 },
  { name: 'loses the reply', weight: 4 },
  { name: 'gets the reply twice', weight: 2 },
]

const crashes: readonly Alternative[] = [
  { name: 'crashes before saving', weight: 1 },
  { name: 'crashes after saving', weight: 1 },
]

/** Signs nobody in: the store begins with `token`. */
export function createHolders(sim: World, tasks: Tasks, token: string, options: HolderOptions): Holders {
  const { scheduler, journal, judge, time, generationOf } = sim
  const { jar, fault } = options
  const store = createClientStore({ token, generationOf, jar, attempts: options.attempts, fault })
  const tabs = Array.from({ length: options.tabs }, (_, index) => `tab${index}`)
  const flights = new Map<string, Flight>()
  const slow = new Set<string>()

  async function ask(tab: string, kind: SimulatedRequest['kind'], actor = tab, since = time.elapsed): Promise<boolean> {
    const held = store.token()
    const generation = generationOf(held)
    const attempt = store.attemptFor(generation)
    const device = { address: tab, userAgent: actor }
    const request: SimulatedRequest = { kind, actor, token: held, attempt, clientId, device }
    const flight: Flight = { since, tab, sent: false, decided: false }
    flights.set(actor, flight)
    slow.delete(actor)
    if (sim.state.faults && sim.choices.pick(paces) > 0) slow.add(actor)
    journal.note(actor, `takes generation ${generation}`)
    const sending = await scheduler.park({
      owner: tab,
      actor,
      stage: 'sends',
      outcomes: sim.state.faults ? sendings : undefined,
      state: () => held,
    })
    if (sending !== 'ok') journal.note(actor, sending)
    if (sending === 'has the request doubled on the way') double(request, flight)
    const answered = sending !== 'loses the request on the way' && (await travel(request, flight))
    if (flights.get(actor) === flight) flights.delete(actor)
    return answered
  }

  async function travel(request: SimulatedRequest, flight: Flight): Promise<boolean> {
    const { actor } = request
    flight.sent = true
    const reply = await sim.send(request)
    flight.decided = true
    if (!jar) flights.delete(actor)
    // Whoever crashed meanwhile is not there to hear it.
    return tabs.includes(flight.tab) && receive(actor, flight, reply)
  }

  /** The network sends it once more; nobody hears the answer. */
  function double(request: SimulatedRequest, { since, tab }: Flight): void {
    const actor = `double of ${request.actor}`
    if (tasks.isRunning(actor)) return
    slow.add(actor)
    flights.set(actor, { since, tab, sent: true, decided: false })
    tasks.start(actor, async () => {
      await sim.send({ ...request, actor })
      flights.delete(actor)
    })
  }

  async function receive(actor: string, flight: Flight, reply: Reply): Promise<boolean> {
    const { tab } = flight
    const delivery = await scheduler.park({
      owner: tab,
      actor,
      stage: 'gets its reply',
      // A browser that dies while its jar is behind is no honest holder any more (docs/proof.md).
      outcomes: sim.state.faults ? [...deliveries, ...(jar ? [] : crashes)] : undefined,
      state: () => JSON.stringify(reply),
    })
    if (delivery !== 'ok') journal.note(actor, delivery)
    const heard = delivery !== 'loses the reply' && delivery !== 'crashes before saving' && reply !== 'lost'
    const answered = heard && take(actor, flight, reply, delivery === 'gets the reply twice')
    if (delivery.startsWith('crashes')) crash(tab)
    return answered
  }

  /** Acts on a reply; false if it was a refusal, or came too late. */
  function take(actor: string, flight: Flight, reply: Exclude<Reply, 'lost'>, twice: boolean): boolean {
    if (store.signedOut() !== undefined) return false
    if (reply.kind === 'refused') {
      if (reply.sessionOver) forget(actor, reply.refusal.reason ?? reply.refusal.error)
      return false
    }
    if (reply.kind === 'peeked') return true
    if (twice) deliverAgain(actor, flight, reply.refreshToken)
    save(actor, flight.tab, reply.refreshToken)
    return true
  }

  function forget(actor: string, reason: string): void {
    journal.note(actor, `forgets its credential: ${reason}`)
    store.forget(reason)
  }

  /** The same reply once more, whenever it likes; into a jar only while the browser has not given up the request. */
  function deliverAgain(from: string, { since, tab }: Flight, refreshToken: string): void {
    const actor = `late copy for ${from}`
    if (tasks.isRunning(actor)) return
    slow.add(actor)
    if (jar) flights.set(actor, { since, tab, sent: false, decided: true })
    tasks.start(actor, async () => {
      await scheduler.park({ owner: tab, actor, stage: 'arrives', state: () => refreshToken })
      if (store.signedOut() === undefined) save(actor, tab, refreshToken)
      flights.delete(actor)
    })
  }

  function save(actor: string, tab: string, received: string): void {
    const [before, got] = [generationOf(store.token()), generationOf(received)]
    const kept = store.save(received)
    journal.note(actor, kept ? `saves generation ${got}` : `keeps the newer generation ${before}`)
    const rises = jar || fault !== undefined || generationOf(store.token()) >= before
    judge.require(rises, 'client: a lower generation over a higher one')
    // A late Set-Cookie has turned the jar back: the state cookie shows it, and the client refreshes at once (F4).
    const healing = `${tab} heals`
    if (jar && fault !== 'no healing' && store.isBehind() && !tasks.isRunning(healing)) {
      const since = time.elapsed
      tasks.start(healing, async () => {
        while (store.isBehind()) await ask(tab, 'refresh', healing, since)
      })
    }
  }

  function crash(tab: string): void {
    scheduler.abandon(tab)
    for (const [actor, flight] of flights) {
      if (flight.tab === tab && (flight.decided || !flight.sent)) flights.delete(actor)
    }
    for (const name of [tab, `late copy for ${tab}`]) tasks.forget(name)
    // It comes back under another name, for its last request may still be under way.
    tabs.splice(tabs.indexOf(tab), 1, `${tab}+`)
  }

  return {
    store,
    tabs: () => [...tabs],
    ask: (tab, kind) => ask(tab, kind),
    isSlow: (actor) => slow.has(actor),
    mayCrash: (tab) => tasks.isRunning(tab) && !tasks.isRunning(`${tab} heals`),
    crash: (tab) => {
      journal.note(tab, 'crashes')
      crash(tab)
    },
    flights: () => [...flights.keys()],
    oldestFlight: () => {
      const since = [...flights.values()].map((flight) => flight.since)
      return since.length === 0 ? undefined : Math.min(...since)
    },
  }
}
