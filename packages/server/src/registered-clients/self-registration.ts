import type { RevocationStore } from '../revocations/revocation-store.ts'
import { constantTimeEqual } from '../secrets/constant-time-equal.ts'
import type { Random } from '../secrets/random.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import type { SecurityEvent } from '../security-events/security-event.ts'
import type { ClientRecord } from './client.ts'
import { type MetadataFault, type OpenClientLimits, readClientMetadata } from './client-metadata.ts'
import { drawClientSecret } from './client-registration.ts'
import type { ClientStore } from './client-store.ts'

const day = 86_400_000
/** How long a registration is kept that nothing came of (T18.4). */
const unusedMilliseconds = day
/** How long one is kept after its last use, at least. */
const idleMilliseconds = 30 * day

const idBytes = 16
const tokenBytes = 32

/** A registration just made. What is secret is shown once and not kept. */
export interface NewRegistration {
  readonly client: ClientRecord
  readonly secret?: string
  /** By which the client reads and withdraws its registration (RFC 7592 section 3). */
  readonly accessToken: string
}

/** Clients that register themselves (RFC 7591), and what they may do about it afterwards (RFC 7592). */
export interface SelfRegistrations {
  readonly register: (
    document: Readonly<Record<string, unknown>>,
    device: SecurityEvent['device'],
  ) => Promise<
    { readonly ok: true; readonly made: NewRegistration } | { readonly ok: false; readonly error: MetadataFault }
  >
  /** The client, for whoever has its registration access token; undefined: it is unknown, or that is not its token. */
  readonly find: (id: string, accessToken: string) => Promise<ClientRecord | undefined>
  /** Withdraws a registration and ends the client's sessions. */
  readonly withdraw: (client: ClientRecord) => Promise<void>
  /** To be called when a client was given a token: it stays for longer. */
  readonly used: (client: ClientRecord) => Promise<void>
}

/**
 * Self-registration over a store. A registration that is never used is forgotten after a day, another one 30 days after
 * its last use; and never sooner than a session of the client could end by not being used, so that no session and no
 * token outlives its client.
 *
 * @param options.findClient finds what has not expired
 * @param options.sessionIdleMilliseconds after which a session ends that nothing used
 */
export function createSelfRegistrations(options: {
  readonly store: ClientStore & Pick<RevocationStore, 'addRevocation'>
  readonly findClient: (id: string) => Promise<ClientRecord | undefined>
  readonly now: () => Promise<number>
  readonly random: Random
  readonly limits: OpenClientLimits
  readonly sessionIdleMilliseconds: number
}): SelfRegistrations {
  const { store, findClient, now, random, limits } = options
  const kept = Math.max(idleMilliseconds, options.sessionIdleMilliseconds)
  const drawn = (bytes: number) => Buffer.from(random(bytes)).toString('base64url')

  return {
    register: async (document, device) => {
      const reading = readClientMetadata(document, limits)
      if (!reading.ok) return reading
      const { authentication } = reading.metadata
      const hasSecret = authentication === 'client_secret_basic' || authentication === 'client_secret_post'
      const secret = hasSecret ? drawClientSecret(random) : undefined
      const accessToken = `pawl_reg_${drawn(tokenBytes)}`
      const createdAt = await now()
      const client: ClientRecord = {
        ...reading.metadata,
        id: `dyn_${drawn(idBytes)}`,
        type: authentication === 'none' ? 'public' : 'confidential',
        secretHash: secret?.hash ?? null,
        resources: limits.resources,
        policy: 'rotating',
        accessSeconds: null,
        createdAt,
        selfRegistration: { accessTokenHash: digestSecret(accessToken), expiresAt: createdAt + unusedMilliseconds },
      }
      const event: SecurityEvent = {
        type: 'client_added',
        at: createdAt,
        actor: 'client',
        clientId: client.id,
        ...(device !== undefined && { device }),
      }
      if (!(await store.addClient(client, event))) throw new Error('a random client id was drawn twice')
      const made = { client, accessToken, ...(secret?.generated !== undefined && { secret: secret.generated }) }
      return { ok: true, made }
    },

    find: async (id, accessToken) => {
      const client = await findClient(id)
      const digest = digestSecret(accessToken)
      const own = constantTimeEqual(digest, client?.selfRegistration?.accessTokenHash ?? new Uint8Array(32))
      return own ? client : undefined
    },

    withdraw: async ({ id }) => {
      const at = await now()
      await store.removeClient(id, at, { type: 'client_removed', at, actor: 'client', clientId: id })
      // As where an administrator removes one: until this was there to be seen, tokens without a session were issued.
      const seen = await now()
      if (seen > at) await store.addRevocation({ kind: 'client', id, now: seen })
    },

    used: async ({ id, selfRegistration }) => {
      if (selfRegistration === undefined) return
      const at = await now()
      // Once a day is enough, for a day is added.
      if (selfRegistration.expiresAt < at + kept) await store.keepClient(id, at + kept + day, at)
    },
  }
}

/** Whether a client has been forgotten, whether or not its row is still there. */
export function hasExpired({ selfRegistration }: ClientRecord, now: number): boolean {
  return selfRegistration !== undefined && selfRegistration.expiresAt <= now
}
