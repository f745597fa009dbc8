import type { RefusalReason } from '@pawl/protocol'
import { type ManualClock, manualClock } from '../../src/storage/contract/fixture.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import { type Peeked, peekSession } from '../../src/tokens/peek-session.ts'
import type { RatchetPolicy } from '../../src/tokens/refresh-ratchet.ts'
import {
  type Refreshed,
  type RefreshRefused,
  type RefreshRequest,
  refreshSession,
  type TokenDependencies,
} from '../../src/tokens/refresh-session.ts'
import { parseRefreshToken } from '../../src/tokens/refresh-token.ts'
import { startSession } from '../../src/tokens/start-session.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

export const seconds = 1000
const client = { id: 'first-party', accessSeconds: 900 }
const device = { address: '192.0.2.1', userAgent: 'owner' }

/** Keys that need no key ring: one signs nothing of worth, two derive. */
function plainKeys() {
  const keys = new Map(
    [
      ['first', 1],
      ['second', 2],
    ].map(([name, fill]) => {
      const id = Buffer.alloc(8, String(name)).toString('base64url')
      return [id, { id, key: new Uint8Array(32).fill(Number(fill)) }] as const
    }),
  )
  const [first, second] = [...keys.values()]
  if (first === undefined || second === undefined) throw new Error('two keys')
  return { keys, first, second, active: first, loaded: new Set([first.id, second.id]) }
}

/** The heart over a real engine, with everything around it in the test's hand. */
export async function heart(options: { storage?: (clock: ManualClock) => Storage; policy?: RatchetPolicy } = {}) {
  const clock = manualClock(Date.UTC(2026, 0, 1))
  const storage = options.storage?.(clock) ?? memoryStorage({ clock: clock.now })
  await storage.open()
  const keys = plainKeys()
  const elapsed = { milliseconds: 0 }
  const dependencies: TokenDependencies = {
    sessions: storage,
    events: storage,
    signer: {
      signingKey: async () => ({ kid: 'k', algorithm: 'ES256', signatureBytes: 64, sign: () => new Uint8Array(64) }),
      verificationKey: async () => undefined,
    },
    refreshKeys: {
      activeRefreshKey: async () => keys.active,
      refreshKey: async (id) => {
        const key = keys.keys.get(id)
        if (key === undefined) return 'unknown'
        return keys.loaded.has(id) ? key : 'not_loaded'
      },
    },
    random: seededRandom(),
    monotonic: () => elapsed.milliseconds,
    idleMilliseconds: 30 * 86_400 * seconds,
  }
  const user = { id: 'usr_1', username: 'ada', passwordHash: 'x', roles: [], createdAt: 0, disabledAt: null }
  await storage.addUser(user, 'ada', { type: 'user_added', at: 0, actor: 'admin' })
  const policy = options.policy ?? { kind: 'rotating', windowMilliseconds: 30 * seconds }
  const prepare: RefreshRequest['prepare'] = async (session) => ({
    kind: 'prepared',
    plans: [
      { issuer: 'i', subject: session.userId, clientId: session.clientId, audience: ['a'], scope: [], application: {} },
    ],
  })

  async function signIn(): Promise<Refreshed> {
    const opened = await startSession(
      {
        now: clock.now(),
        user,
        client,
        scope: [],
        resources: ['a'],
        acr: null,
        amr: ['pwd'],
        delivery: 'body',
        device,
        absoluteMilliseconds: 90 * 86_400 * seconds,
        prepare,
      },
      dependencies,
    )
    if (opened.kind === 'refused') throw new Error(opened.refusal.error)
    return opened
  }

  function requestOf(token: string, more: Partial<RefreshRequest>): RefreshRequest {
    const presented = parseRefreshToken(token)
    if (presented === undefined) throw new Error('not a token')
    return {
      presented,
      presentedBy: client.id,
      clientOf: (id) => (id === client.id ? { ...client, policy } : undefined),
      attemptId: undefined,
      proof: undefined,
      device,
      arrivedAt: elapsed.milliseconds,
      hasLeft: async () => false,
      prepare,
      ...more,
    }
  }

  async function refresh(
    token: string,
    more: Partial<RefreshRequest> = {},
    changed: Partial<TokenDependencies> = {},
  ): Promise<Refreshed | RefreshRefused> {
    return refreshSession(requestOf(token, more), { ...dependencies, ...changed })
  }

  async function peek(
    token: string,
    more: Partial<RefreshRequest> = {},
    changed: Partial<TokenDependencies> = {},
  ): Promise<Peeked | RefreshRefused> {
    return peekSession(requestOf(token, more), { ...dependencies, ...changed })
  }

  return { clock, storage, keys, elapsed, dependencies, signIn, refresh, peek, user }
}

/** The successor, or a failure that names the refusal. */
export function successorOf(outcome: Refreshed | RefreshRefused): string {
  if (outcome.kind === 'refused') throw new Error(`refused: ${outcome.refusal.reason ?? outcome.refusal.error}`)
  return outcome.refreshToken
}

/** The reason of a refusal, or a failure. */
export function reasonOf(outcome: Refreshed | Peeked | RefreshRefused): RefusalReason | undefined {
  if (outcome.kind !== 'refused') throw new Error(`not refused but ${outcome.kind}`)
  return outcome.refusal.reason
}
