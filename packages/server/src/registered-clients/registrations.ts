import type { RevocationStore } from '../revocations/revocation-store.ts'
import type { Random } from '../secrets/random.ts'
import type { ClientRecord } from './client.ts'
import { type ClientRegistration, checkRegistration, type RegistrationRefusal } from './client-registration.ts'
import type { ClientStore } from './client-store.ts'

/** A client as operators see it: everything but the hash of its secret. */
export type Registration = Omit<ClientRecord, 'secretHash'>

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

function withoutSecret({ secretHash: _, ...registration }: ClientRecord): Registration {
  return registration
}
