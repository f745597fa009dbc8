import type { UserListing } from '@pawl/server'
import { instant, instantOrNull } from './output.ts'

/** A user as JSON: named fields only, so that what the store adds one day does not leak by itself. */
export function userDocument(user: UserListing): Readonly<Record<string, unknown>> {
  return {
    id: user.id,
    username: user.username,
    roles: user.roles,
    created_at: instant(user.createdAt),
    disabled_at: instantOrNull(user.disabledAt),
  }
}
