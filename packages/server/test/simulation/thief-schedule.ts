import { type Choices, equally } from './choices.ts'
import type { Heart } from './heart.ts'
import { type ScheduleResult, violationOf } from './honest-schedule.ts'
import { duration } from './journal.ts'
import { clientId, type SimulatedRequest } from './request.ts'
import { createWorld, type World } from './world.ts'

/** How much the thief has: one copy of the token, the token with its attempt id, or the owner's store at all times. */
export type ThiefKind = 'token' | 'token and attempt id' | 'continuous'

/** What a run with a thief came to. */
export interface ThiefResult extends ScheduleResult {
  readonly kind: ThiefKind
  /** How often the session changed hands before it ended, or before the run did. */
  readonly alternations: number
  /** The two came within each other's window. */
  readonly lockStep: boolean
  /** One of them was convicted, or reported. */
  readonly detected: boolean
}

/** Changes of hands that the design allows before the verdict. */
const allowed: Readonly<Record<ThiefKind, number>> = {
  token: 1,
  'token and attempt id': 3,
  // A thief who reads the owner's store all the time is the owner as far as anyone can see: the documented limit.
  continuous: Number.POSITIVE_INFINITY,
}

const means: Readonly<Record<ThiefKind, string>> = {
  token: 'copies a token',
  'token and attempt id': 'copies a token with its attempt id',
  continuous: 'reads the store of the owner all the time',
}

const turns = 14

/**
 * Owner and thief in any order and at any distance. As long as they keep out of each other's window, one of them must trip
 * the verdict within the changes of hands that the design allows; lock-step inside it is the documented limit.
 */
export async function runThiefSchedule(options: {
  readonly heart: Heart
  readonly choices: Choices
}): Promise<ThiefResult> {
  const { heart, choices } = options
  const kinds = [
    { name: 'token', weight: 3 },
    { name: 'token and attempt id', weight: 3 },
    { name: 'continuous', weight: 1 },
  ] as const
  const kind = kinds[choices.pick(kinds)]?.name ?? 'token'
  const policies = [
    { name: 'rotating', weight: 6 },
    { name: 'strict', weight: 2 },
    { name: 'shared-store', weight: 1 },
  ] as const
  const policy = policies[choices.pick(policies)]?.name ?? 'rotating'
  const sim = createWorld({ heart, choices, policy, nodes: 2, faults: false, seed: 'thief', convictable: true })
  sim.journal.note('setting:', `policy ${policy}, a thief who ${means[kind]}`)
  const robbery = { alternations: 0, lockStep: false }
  const violation = await violationOf(async () => {
    await play(sim, kind, robbery)
    sim.judge.require(
      robbery.lockStep || robbery.alternations <= allowed[kind],
      `detection: ${robbery.alternations} changes of hands with a thief who ${means[kind]}`,
    )
  })
  return { violation, story: sim.journal.lines(), choices: choices.taken, kind, ...robbery, detected: isDetected(sim) }
}

function isDetected({ truth }: World): boolean {
  return truth.ended !== undefined || truth.events.includes('session_superseded_use')
}

interface Holder {
  readonly name: string
  token: string
  /** The highest generation that it received. */
  reached: number
  attempt: { readonly generation: number; readonly id: string } | undefined
  /** A constant one is a client's mistake (finding F2); it must not help a thief. */
  readonly attempts: 'none' | 'fresh' | 'constant'
}

async function play(sim: World, kind: ThiefKind, robbery: { alternations: number; lockStep: boolean }): Promise<void> {
  const { choices } = sim
  const token = await sim.signIn()
  const newHolder = (name: string): Holder => {
    const ways = ['fresh', 'none', 'constant'] as const
    const attempts = ways[choices.pick(equally('fresh ids', 'no ids', 'one id for all'))] ?? 'fresh'
    return { name, token, reached: 0, attempt: undefined, attempts }
  }
  const owner = newHolder('owner')
  const thief = newHolder('thief')
  let requests = 0
  let robbed = false
  let inHands = owner.name

  function attemptOf(holder: Holder, generation: number): string | undefined {
    if (holder.attempts === 'fresh' && holder.attempt?.generation !== generation)
      holder.attempt = { generation, id: `${holder.name}-${requests}`.padEnd(22, 'x') }
    if (holder.attempts === 'constant')
      holder.attempt = { generation, id: holder.attempt?.id ?? `${holder.name}-always`.padEnd(22, 'x') }
    return holder.attempt?.generation === generation ? holder.attempt.id : undefined
  }

  async function turn(holder: Holder, asks: SimulatedRequest['kind'] = 'refresh'): Promise<void> {
    requests += 1
    const request: SimulatedRequest = {
      kind: asks,
      actor: holder.name,
      token: holder.token,
      attempt: attemptOf(holder, sim.generationOf(holder.token)),
      clientId,
      device: { address: holder.name, userAgent: null },
    }
    const reply = await sim.send(request)
    if (reply === 'lost' || reply.kind !== 'refreshed') return
    if (choices.pick(replies) > 0) {
      sim.journal.note(holder.name, 'loses the reply')
      return
    }
    holder.token = reply.refreshToken
    const { generation } = reply.session
    // A repeat changes hands as well, for whoever gets it holds the current token; the same repeat once more does not.
    if (generation <= holder.reached) return
    if (robbed && inHands !== holder.name) robbery.alternations += 1
    inHands = holder.name
    holder.reached = generation
  }

  // The owner walks a little before he is robbed.
  for (let walked = choices.pick(equally('no walk', 'a step', 'two steps')); walked > 0; walked -= 1) {
    await together(sim, [turn(owner)])
    pass(sim)
  }
  // Beside the token may lie the attempt id of the next try, sent or not yet, and the reply to it may have been lost.
  const tried = choices.pick(equally('nothing beside it', 'an id beside it', 'after a try', 'after a try in vain'))
  if (tried === 1) attemptOf(owner, sim.generationOf(owner.token))
  if (tried > 1) {
    const { token: before, reached } = owner
    await together(sim, [turn(owner)])
    if (tried === 3) Object.assign(owner, { token: before, reached })
    pass(sim)
  }
  const steal = (): void => {
    thief.token = owner.token
    if (kind !== 'token') thief.attempt = owner.attempt
  }
  steal()
  robbed = true
  sim.journal.note('the thief', `copies generation ${sim.generationOf(thief.token)}`)

  const moves = [
    { name: 'the owner refreshes', weight: 4, turns: () => [turn(owner)] },
    { name: 'the thief refreshes', weight: 4, turns: () => [turn(thief)] },
    { name: 'both refresh', weight: 1, turns: () => [turn(owner), turn(thief)] },
    { name: 'the thief peeks', weight: 1, turns: () => [turn(thief, 'peek')] },
  ]
  for (let left = turns; left > 0 && !isDetected(sim); left -= 1) {
    if (kind === 'continuous') steal()
    const next = choices.next(moves)
    const move = next === undefined ? undefined : moves[next]
    if (move === undefined) return
    await together(sim, move.turns())
    const atOnce = choices.pick(haste) > 0
    robbery.lockStep ||= atOnce || move.name === 'both refresh'
    if (!atOnce) pass(sim)
  }
}

const replies = [
  { name: 'ok', weight: 5 },
  { name: 'loses the reply', weight: 1 },
]

const haste = [
  { name: 'ok', weight: 8 },
  { name: 'at once', weight: 1 },
]

/** Lets turns that began together run to their end, interleaved as chance will have it. */
async function together(sim: World, turns: readonly Promise<void>[]): Promise<void> {
  const { scheduler, choices } = sim
  await scheduler.settle()
  while (scheduler.parked().length > 0) {
    const parked = scheduler.parked()
    const task = parked[choices.pick(parked.map(({ actor }) => ({ name: `${actor} goes on`, weight: 1 })))]
    if (task !== undefined) await scheduler.step([task], 'ok')
  }
  sim.checkRules()
  await Promise.all(turns)
}

/** So long that no turn falls into the window of the one before. */
function pass({ choices, policy, time, journal }: World): void {
  const waits = [30_000, 45_000, 3_600_000, 86_400_000].filter((wait) => policy !== 'shared-store' || wait >= 300_000)
  const milliseconds = waits[choices.pick(equally(...waits.map(duration)))] ?? 86_400_000
  time.now += milliseconds
  time.elapsed += milliseconds
  journal.note('the clock', `moves on by ${duration(milliseconds)}`)
}
