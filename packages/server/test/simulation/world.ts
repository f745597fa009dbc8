import type { Choices } from './choices.ts'
import { createEventRules } from './event-rules.ts'
import type { Heart } from './heart.ts'
import { createJournal } from './journal.ts'
import { createNodes, type Node } from './nodes.ts'
import type { SimulatedPolicy } from './oracle.ts'
import { createReplyRules } from './reply-rules.ts'
import { createScheduler } from './scheduler.ts'
import { createService, type Service, type Stage } from './service.ts'
import { type StoreOpener, storeInMemory } from './simulated-store.ts'
import { createStoreRules } from './store-rules.ts'
import { createJudge, newTruth, type Truth } from './truth.ts'

/** What one run simulates. */
export interface WorldOptions {
  readonly heart: Heart
  readonly choices: Choices
  readonly openStore?: StoreOpener | undefined
  /** Tells the runs on one store apart; decides nothing. */
  readonly seed: string
  readonly policy: SimulatedPolicy
  readonly nodes: number
  readonly faults: boolean
  /** Some holder is a thief, or a stock client that may look like one. */
  readonly convictable: boolean
}

/** Everything outside the holders: nodes, the store, the clocks, and the rules that must hold. */
export interface World extends Stage, Service {
  readonly policy: SimulatedPolicy
  readonly generationOf: (token: string) => number
  /** Throws what was broken since the last look. */
  readonly checkRules: () => void
  /** A node dies, and with it whatever it was about to do. */
  readonly crash: (node: Node) => void
  readonly canRollBack: () => boolean
  readonly hasSnapshot: () => boolean
  readonly takeSnapshot: () => void
  /** The store loses what it wrote since the snapshot. */
  readonly rollBack: () => void
}

/** When every run begins, by the store's clock. */
const simulationStart = Date.UTC(2026, 0, 1)

/** A world in which nothing has happened yet. */
export function createWorld(options: WorldOptions): World {
  const { heart, choices, policy, convictable, openStore } = options
  const time = { now: simulationStart, elapsed: 0 }
  const clock = () => time.now
  const [judge, truth] = [createJudge(), newTruth()]
  const scheduler = createScheduler()
  const stage: Stage = {
    heart,
    choices,
    scheduler,
    journal: createJournal(() => time.elapsed),
    judge,
    truth,
    nodes: createNodes(options.nodes),
    store: openStore === undefined ? storeInMemory(heart, clock) : openStore(clock, scheduler.working),
    time,
    state: { faults: options.faults },
  }
  const { journal, nodes, store } = stage
  const { countRepeatHolders } = heart.repeatHolders
  const events = createEventRules(judge, truth)
  const service = createService(stage, options, {
    events,
    store: createStoreRules({ judge, truth, events, policy, convictable, countRepeatHolders }),
    reply: createReplyRules({ heart, judge, truth }),
  })
  let goBack: (() => void) | undefined

  return {
    ...stage,
    ...service,
    policy,
    generationOf: (token) => heart.tokens.parseRefreshToken(token)?.generation ?? -1,
    checkRules: () => {
      const violation = judge.violation()
      if (violation !== undefined) throw violation
      checkStore(stage)
    },
    crash: (node) => {
      journal.note(node.name, 'crashes')
      scheduler.abandon(node.name)
      nodes.crash(node)
    },
    canRollBack: () => store.snapshot !== undefined && !truth.rolledBack,
    hasSnapshot: () => goBack !== undefined,
    takeSnapshot: () => {
      const restore = store.snapshot?.()
      const then: Truth = structuredClone(truth)
      journal.note('the store', 'is backed up')
      goBack = () => {
        restore?.()
        Object.assign(truth, then, { rolledBack: true })
      }
    },
    rollBack: () => {
      goBack?.()
      journal.note('the store', `loses its last writes and is at generation ${truth.generation} again`)
    },
  }
}

/** For so long after its expiry a verifier may be told to accept a token. */
const skewSeconds = 60

/** What must hold whenever nothing runs: the row and the outbox say what is true, no matter who wrote. */
function checkStore({ store, truth, judge }: Stage): void {
  const row = store.row()
  if (row !== undefined) {
    const told = [row.generation, row.revokedReason ?? undefined, row.idleExpiresAt, row.absoluteExpiresAt, row.repeats]
    const actual = [truth.generation, truth.ended, truth.idleExpiresAt, truth.absoluteExpiresAt, truth.repeats]
    const same = row.peeks === truth.peeks && told.every((value, index) => value === actual[index])
    judge.require(same, `monotone: the row says ${told.join(', ')}, but the truth is ${actual.join(', ')}`)
  }
  const covered = (store.revocations() ?? []).some(
    ({ kind, id, until }) => kind === 'session' && id === row?.id && until >= (truth.lastExpiry + skewSeconds) * 1000,
  )
  judge.require(
    row === undefined || truth.ended === undefined || covered,
    'order: the revocation feed does not cover the access tokens of a session that has ended',
  )
  const outbox = store.outbox()
  const complete = outbox === undefined || outbox.join() === truth.events.join()
  judge.require(complete, `detection: the outbox holds ${outbox}, but what happened is ${truth.events}`)
}
