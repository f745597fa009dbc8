import type { RefreshRequest, TokenDependencies } from '../../src/tokens/refresh-session.ts'
import type { PresentedRefreshToken } from '../../src/tokens/refresh-token.ts'
import { seededRandom } from '../secrets/seeded-random.ts'
import type { Choices } from './choices.ts'
import type { EventRules } from './event-rules.ts'
import { faultyStore, type RequestStore } from './faulty-store.ts'
import type { Heart } from './heart.ts'
import type { Journal } from './journal.ts'
import type { Node, Nodes } from './nodes.ts'
import { type SimulatedPolicy, windows } from './oracle.ts'
import type { ReplyRules } from './reply-rules.ts'
import { clientId, newCourse, type Reply, type SimulatedRequest } from './request.ts'
import type { Scheduler } from './scheduler.ts'
import { type SimulatedStore, simulatedUser } from './simulated-store.ts'
import { accessSeconds, lifetimes, type StoreRules } from './store-rules.ts'
import { type Judge, type Truth, Violation } from './truth.ts'

/** What a run is about, shared by those who act in it. */
export interface Stage {
  readonly heart: Heart
  readonly choices: Choices
  readonly scheduler: Scheduler
  readonly journal: Journal
  readonly judge: Judge
  readonly truth: Truth
  readonly nodes: Nodes
  readonly store: SimulatedStore
  /** `now` is the store's clock, which may be set; `elapsed` only moves forward. */
  readonly time: { now: number; elapsed: number }
  readonly state: { faults: boolean }
}

/** What holders and operators may ask of the nodes. */
export interface Service {
  /** Sends a request to some node; `lost` when that node dies over it, or cannot say what became of it. */
  readonly send: (request: SimulatedRequest) => Promise<Reply>
  /** Opens the session of the run; its first refresh token. */
  readonly signIn: () => Promise<string>
  /** Ends the session, as the holder of any genuine token or an administrator may. */
  readonly end: (token: string, reason: 'logout' | 'revoked_by_admin') => Promise<void>
}

const nowhere = { address: null, userAgent: null }

/** The real code on simulated nodes. */
export function createService(
  stage: Stage,
  options: { readonly policy: SimulatedPolicy; readonly seed: string },
  rules: { readonly store: StoreRules; readonly events: EventRules; readonly reply: ReplyRules },
): Service {
  const { heart, scheduler, journal, judge, truth, nodes, store, time } = stage
  const { policy } = options
  const client = { id: clientId, policy: { kind: policy, windowMilliseconds: windows[policy] }, accessSeconds }
  const random = seededRandom(options.seed)
  const began = time.now
  let requests = 0

  /** A node's own clock: far from the others', and good for durations only. */
  const clockOf = (node: Node) => began + time.elapsed + node.skew

  function dependenciesOf(node: Node, sessions: RequestStore, onMissingKey?: () => void): TokenDependencies {
    return {
      sessions,
      events: sessions,
      signer: {
        signingKey: async () => ({ kid: 'k', algorithm: 'ES256', signatureBytes: 64, sign: () => new Uint8Array(64) }),
        verificationKey: async () => undefined,
      },
      refreshKeys: nodes.refreshKeys(node, onMissingKey),
      random,
      monotonic: () => clockOf(node),
      idleMilliseconds: lifetimes.idle,
    }
  }

  function parse(token: string): PresentedRefreshToken {
    const presented = heart.tokens.parseRefreshToken(token)
    if (presented === undefined) throw new Error('not a refresh token')
    return presented
  }

  function firstNode(): Node {
    const [node] = nodes.all
    if (node === undefined) throw new Error('no node')
    return node
  }

  async function send(request: SimulatedRequest): Promise<Reply> {
    const node = nodes.choose(stage.choices)
    const presented = parse(request.token)
    requests += 1
    const course = newCourse(`drawn for request ${requests}`, time.elapsed)
    const writer = { request, course }
    const verb = request.kind === 'peek' ? 'peeks with' : 'presents'
    journal.note(request.actor, `${verb} generation ${presented.generation} to ${node.name}`)
    const sessions = faultyStore({ stage, rules, node, writer, presented: presented.generation })
    const dependencies = dependenciesOf(node, sessions, () => {
      course.keyMissing = true
    })
    const ask = request.kind === 'peek' ? heart.peeking.peekSession : heart.refreshing.refreshSession
    return new Promise((resolve, reject) => {
      node.waiting.add(resolve)
      ask(asTheServerSeesIt(request, presented, node), dependencies)
        .then((reply) => {
          journal.note(request.actor, wordFor(reply))
          rules.reply(writer, reply)
          resolve(reply)
        })
        .catch((error: unknown) => {
          // Infrastructure that failed: the endpoint would answer 503 and the holder tries again.
          // A broken rule is kept by the judge, and found there by whoever plays.
          if (heart.unavailable.isStorageUnavailable(error) || error instanceof Violation) resolve('lost')
          else reject(error)
        })
        .finally(() => node.waiting.delete(resolve))
    })
  }

  function asTheServerSeesIt(request: SimulatedRequest, presented: PresentedRefreshToken, node: Node): RefreshRequest {
    const plan = { issuer: 'i', clientId, audience: ['a'], scope: [], application: {} }
    return {
      presented,
      presentedBy: request.clientId,
      clientOf: (id) => (id === request.clientId ? client : undefined),
      attemptId: request.attempt,
      proof: undefined,
      device: request.device,
      arrivedAt: clockOf(node),
      hasLeft: async () => false,
      prepare: async ({ userId }) => ({ kind: 'prepared', plans: [{ ...plan, subject: userId }] }),
    }
  }

  async function signIn(): Promise<string> {
    const opened = await heart.starting.startSession(
      {
        now: time.now,
        user: simulatedUser,
        client,
        scope: [],
        resources: ['a'],
        acr: null,
        amr: [],
        delivery: 'body',
        device: nowhere,
        absoluteMilliseconds: lifetimes.absolute,
        prepare: async () => ({ kind: 'prepared', plans: [] }),
      },
      dependenciesOf(firstNode(), store),
    )
    if (opened.kind === 'refused') throw new Error('sign-in refused')
    const { idleExpiresAt, absoluteExpiresAt } = opened.session
    Object.assign(truth, { idleExpiresAt, absoluteExpiresAt, usedAt: time.now })
    truth.events.push('session_opened')
    truth.answered.set(0, opened.refreshToken)
    return opened.refreshToken
  }

  async function end(token: string, reason: 'logout' | 'revoked_by_admin'): Promise<void> {
    const turn = (next: string) => scheduler.park({ owner: 'operators', actor: reason, stage: next })
    const presented = parse(token)
    await turn('reads')
    journal.note(reason, `comes with generation ${presented.generation}`)
    const found = await heart.ending.recogniseRefreshToken(presented, dependenciesOf(firstNode(), store))
    if (found.kind !== 'recognised') {
      judge.require(found.kind === 'not_loaded', `order: ${reason} does not know a genuine token`)
      return
    }
    await turn('writes')
    const { session, now } = found
    const ending = heart.ending.endSession({ session, now, reason, actor: 'admin' }, { sessions: store })
    const ended = await scheduler.working(ending)
    journal.note(reason, ended ? 'ends the session' : 'finds it ended')
    if (!ended) return
    judge.require(truth.ended === undefined, 'order: a session that has ended ended again')
    truth.ended = reason
    truth.events.push('session_ended')
  }

  return { send, signIn, end }
}

function wordFor(reply: Exclude<Reply, 'lost'>): string {
  if (reply.kind === 'refused') return `is refused: ${reply.refusal.reason ?? reply.refusal.error}`
  return reply.kind === 'peeked' ? 'is answered' : `is answered generation ${reply.session.generation} (${reply.cause})`
}
