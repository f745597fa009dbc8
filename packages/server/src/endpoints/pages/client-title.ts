import type { ClientRecord } from '../../registered-clients/client.ts'

/** What people are told a client is called: the name that it was given or gave itself, or else its id. */
export function clientTitle({ id, name }: Pick<ClientRecord, 'id' | 'name'>): string {
  return name ?? id
}
