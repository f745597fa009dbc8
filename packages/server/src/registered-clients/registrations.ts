import type { RevocationStore } from '../revocations/revocation-store.ts'
import type { Random } from '../secrets/random.ts'
import type { ClientRecord } from './client.ts'
import {
  type ClientRegistration,
  checkClientSecret,
  checkRegistration,
  drawClientSecret,
  type RegistrationRefusal,
} from './client-registration.ts'
import type { ClientStore } from './client-store.ts'

/** A client as operators see it: everything but the hashes of its secrets. */
export interface Registration extends Omit<ClientRecord, 'secretHash' | 'previousSecretHash' | 'selfRegistration'> {
  /** How many secrets it may use now: two while it changes from one to the next. */
  readonly secrets: 0 | 1 | 2
  /** When a client that registered itself is forgotten unless it is used before; null for all others. */
  readonly expiresAt: number | null
}

/** Outcome of giving a client a further secret. */
export type AddSecretOutcome =
  | {
      readonly ok: true
      /** Present when the server made the secret: it is not kept and cannot be shown again. */
      readonly generatedSecret?: string
    }
  | RegistrationRefusal

/** Outcome of registering a client. */
export type RegisterOutcome =
  | {
      readonly ok: true
      readonly client: Registration
      /** Present when the server made the secret: it is not kept and cannot be shown again. */
      readonly generatedSecret?: string
    }
  | RegistrationRefusal

/** Registered clients, as an administrator keeps them. */
export interface Registrations {
  readonly register: (registration: ClientRegistration) => Promise<RegisterOutcome>
  readonly list: () => Promise<readonly Registration[]>
  /** Gives a client that has one secret a second one, made when absent; both count until one is removed (standards CA-3). */
  readonly addSecret: (id: string, secret?: string) => Promise<AddSecretOutcome>
  /** Takes one of two secrets from a client. False: there is no client of that id that has two. */
  readonly removeSecret: (id: string, which: 'newer' | 'older') => Promise<boolean>
  /** Removes a client and ends its sessions. False: there is none of that id. */
  readonly remove: (id: string) => Promise<boolean>
}

/**
 * Registrations over a store.
 *
 * @param options.now the store's instant in milliseconds
 * @param options.random draws secrets
 */
export function createRegistrations(options: {
  readonly store: ClientStore & Pick<RevocationStore, 'addRevocation'>
  readonly now: () => Promise<number>
  readonly random: Random
}): Registrations {
  const { store, now, random } = options
  return {
    register: async (registration) => {
      const checked = checkRegistration(registration, random)
      if (!checked.ok) return checked
      const createdAt = await now()
      const client = { ...checked.client, createdAt }
      const added = await store.addClient(client, {
        type: 'client_added',
        at: createdAt,
        actor: 'admin',
        clientId: client.id,
      })
      if (!added) return taken(client.id)
      return {
        ok: true,
        client: withoutSecret(client),
        ...(checked.generatedSecret !== undefined && { generatedSecret: checked.generatedSecret }),
      }
    },
    addSecret: async (id, given) => {
      const secret = given === undefined ? drawClientSecret(random) : checkClientSecret(given)
      if ('ok' in secret) return secret
      const event = { type: 'client_secret_added', at: await now(), actor: 'admin', clientId: id } as const
      if (!(await store.addClientSecret(id, secret.hash, event))) return noRoomForSecret(await store.findClient(id), id)
      return { ok: true, ...(secret.generated !== undefined && { generatedSecret: secret.generated }) }
    },
    removeSecret: async (id, which) =>
      store.removeClientSecret(id, which, {
        type: 'client_secret_removed',
        at: await now(),
        actor: 'admin',
        clientId: id,
      }),
    list: async () => (await store.listClients()).map(withoutSecret),
    remove: async (id) => {
      const at = await now()
      const event = { type: 'client_removed', at, actor: 'admin', clientId: id } as const
      if (!(await store.removeClient(id, at, event))) return false
      // Until the removal was there to be seen, tokens without a session were issued to the client; see
      // client-credentials-grant.ts. They bear instants later than `at`, and none later than now.
      const seen = await now()
      if (seen > at) await store.addRevocation({ kind: 'client', id, now: seen })
      return true
    },
  }
}

function taken(id: string): RegistrationRefusal {
  return { ok: false, field: 'id', message: `A client ${id} exists already. Choose another id, or remove that one.` }
}

function noRoomForSecret(client: ClientRecord | undefined, id: string): RegistrationRefusal {
  if (client === undefined)
    return { ok: false, field: 'id', message: `There is no registered client ${id}; see: pawl client list` }
  const message =
    client.secretHash === null
      ? `Client ${id} does not authenticate by a secret; see: pawl client list`
      : `Client ${id} has two secrets already. Remove one first: pawl client secret remove ${id}`
  return { ok: false, field: 'secret', message }
}

function withoutSecret(client: ClientRecord): Registration {
  const { secretHash, previousSecretHash, selfRegistration, ...registration } = client
  const secrets = secretHash === null ? 0 : previousSecretHash === undefined ? 1 : 2
  return { ...registration, secrets, expiresAt: selfRegistration?.expiresAt ?? null }
}
