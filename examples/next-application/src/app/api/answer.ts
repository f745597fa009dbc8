import type { BffAccess } from '@pawl/client/bff'

/** What each of the four route handlers says: in whose name it could ask an API now. */
export function answer(what: string): (access: BffAccess) => Response {
  return (access) => {
    if (access.status === 'active') return Response.json({ what, user: access.user.username })
    return Response.json({ what, status: access.status }, { status: access.status === 'stale' ? 503 : 401 })
  }
}
