import { type ClientRecord, firstPartyClientId } from './client.ts'

/**
 * The client as which the first-party endpoints act: public, refreshing only, never stored and never removed.
 *
 * @param settings.resources resources that its sessions may have tokens for; the first is their default audience
 * @param settings.scopes scope values of its sessions; default: none
 */
export function builtInClient(settings: {
  readonly resources: readonly string[]
  readonly scopes?: readonly string[]
}): ClientRecord {
  return {
    id: firstPartyClientId,
    type: 'public',
    authentication: 'none',
    secretHash: null,
    redirectUris: [],
    grants: ['refresh_token'],
    scopes: settings.scopes ?? [],
    resources: settings.resources,
    policy: 'rotating',
    accessSeconds: null,
    createdAt: 0,
  }
}
