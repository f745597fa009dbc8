import type { RefreshForm } from './chains.ts'

/** How both endpoints of Pawl are asked: as any OAuth client does, and as Pawl's own. */
export const pawlForms = {
  oauth: {
    path: '/oauth/token',
    type: 'form',
    fixed: { grant_type: 'refresh_token', client_id: 'first-party' },
    attempts: false,
  },
  firstParty: { path: '/auth/refresh', type: 'json', fixed: {}, attempts: true },
} as const satisfies Record<string, RefreshForm>
