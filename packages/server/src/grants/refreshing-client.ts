import type { ClientRecord } from '../registered-clients/client.ts'
import type { RatchetPolicy } from '../tokens/refresh-ratchet.ts'
import type { RefreshingClient } from '../tokens/refresh-session.ts'

/** `shared-store`: private copies of one credential meet within this window (design: policies). */
const sharedStoreMilliseconds = 300_000

/** A client's column of the decision table, with the server's settings filled in. */
export function refreshingClient(
  client: Pick<ClientRecord, 'id' | 'policy' | 'accessSeconds'>,
  settings: { readonly accessSeconds: number; readonly raceWindowSeconds: number },
): RefreshingClient {
  const windows: Record<ClientRecord['policy'], number> = {
    rotating: settings.raceWindowSeconds * 1000,
    strict: 0,
    'shared-store': sharedStoreMilliseconds,
  }
  const policy: RatchetPolicy = { kind: client.policy, windowMilliseconds: windows[client.policy] }
  return { id: client.id, policy, accessSeconds: client.accessSeconds ?? settings.accessSeconds }
}

/** Resources of a client's tokens: its own, or the server's default where it has none. */
export function clientResources(client: Pick<ClientRecord, 'resources'>, audience: string): readonly string[] {
  return client.resources.length > 0 ? client.resources : [audience]
}
