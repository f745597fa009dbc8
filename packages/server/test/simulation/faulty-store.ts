import type { SessionStore } from '../../src/tokens/session-store.ts'
import type { Alternative } from './choices.ts'
import type { EventRules } from './event-rules.ts'
import type { Node } from './nodes.ts'
import type { WriteKind } from './request.ts'
import type { Stage } from './service.ts'
import type { SimulatedStore } from './simulated-store.ts'
import type { RowChange, StoreRules, Writer } from './store-rules.ts'

/** Ways in which a write may turn out. */
export const writeFaults = {
  /** Reaches the store in one batch with every other write that waits. */
  together: 'together with all writes that wait',
  conflict: 'but meets a conflict',
  fails: 'but the store does not answer',
  unknown: 'but the answer of the store is lost',
} as const

const faultyWrites: readonly Alternative[] = [
  { name: 'ok', weight: 20 },
  { name: writeFaults.together, weight: 6 },
  { name: writeFaults.conflict, weight: 1 },
  { name: writeFaults.fails, weight: 1 },
  { name: writeFaults.unknown, weight: 2 },
]

const faultyReads: readonly Alternative[] = [
  { name: 'ok', weight: 40 },
  { name: writeFaults.fails, weight: 1 },
]

/** What a request at a node needs of the store. */
export type RequestStore = SessionStore & Pick<SimulatedStore, 'appendEvent'>

/** The store as one request at one node sees it: every call waits for its turn, and may go wrong. */
export function faultyStore(options: {
  readonly stage: Stage
  readonly rules: { readonly store: StoreRules; readonly events: EventRules }
  readonly node: Node
  readonly writer: Writer
  /** Generation of the request's token. */
  readonly presented: number
}): RequestStore {
  const { stage, rules, node, writer, presented } = options
  const { heart, scheduler, journal, store, time, state } = stage
  const { request, course } = writer
  const { actor } = request
  const unavailable = () => heart.unavailable.storageUnavailable(new Error('simulated'))
  const turn = (next: string, what: string, outcomes?: readonly Alternative[]) =>
    scheduler.park({
      owner: node.name,
      actor,
      stage: next,
      outcomes,
      state: () => `${what} ${JSON.stringify([request, course])}`,
    })

  async function write(
    kind: WriteKind,
    what: string,
    apply: () => Promise<boolean>,
    check: (change: RowChange) => void,
  ): Promise<boolean> {
    const outcome = await turn('writes', what, state.faults ? faultyWrites : undefined)
    if (outcome === writeFaults.conflict || outcome === writeFaults.fails) {
      journal.note(actor, `${what}, ${outcome}`)
      course.lostWrites += 1
      if (outcome === writeFaults.fails) throw unavailable()
      return false
    }
    const before = store.row()
    const applying = scheduler.working(apply())
    // The engine in memory has written by now, and no other write has come in between.
    const after = store.row()
    const applied = await applying
    journal.note(actor, applied ? what : `${what}, but the session has moved or ended`)
    if (applied) {
      course.writes.push(kind)
      check({ before, after })
    } else {
      stage.judge.require(before === after, 'monotone: a write that was not applied changed the row')
      course.lostWrites += 1
    }
    if (outcome === writeFaults.unknown) {
      journal.note(actor, writeFaults.unknown)
      course.uncertain = true
      if (applied) course.lostWrites += 1
      throw unavailable()
    }
    await turn('has written', `${what} ${applied}`)
    return applied
  }

  return {
    ...store,
    readSession: async (id) => {
      const outcome = await turn('reads', '', state.faults ? faultyReads : undefined)
      if (outcome === writeFaults.fails) {
        journal.note(actor, `reads, ${outcome}`)
        throw unavailable()
      }
      const reading = await store.readSession(id)
      rules.store.read(writer, { presented, now: reading.now, elapsed: time.elapsed })
      journal.note(actor, `reads generation ${course.seen?.generation}`)
      return reading
    },
    moveSession: (move) =>
      write(
        'move',
        `moves generation ${move.expectedGeneration} to ${move.generation}`,
        () => store.moveSession(move),
        (change) => rules.store.moved(writer, move, change),
      ),
    countRepeat: (repeat) =>
      write(
        'repeat',
        `repeats generation ${repeat.expectedGeneration}`,
        () => store.countRepeat(repeat),
        (change) => rules.store.repeated(writer, repeat, change),
      ),
    countPeek: (peek) =>
      write(
        'peek',
        `counts a peek at generation ${peek.expectedGeneration}`,
        () => store.countPeek(peek),
        (change) => rules.store.peeked(writer, peek, change),
      ),
    endSession: (ending) =>
      write(
        'verdict',
        'ends the session for replay',
        () => store.endSession(ending),
        (change) => rules.store.convicted(writer, ending, change),
      ),
    appendEvent: async (event) => {
      rules.events.alone(event, request, course)
      await store.appendEvent(event)
    },
  }
}
