import { type Bff, createBff } from '@pawl/client/bff'
import { sealedSessions } from '@pawl/client/bff/sealed-sessions'
import { createServerRendering } from '@pawl/client/server-rendering'

// Next.js bundles the proxy, pages and route handlers apart; what they share is kept where all of them find it.
declare global {
  var pawlBff: Bff | undefined
}

/** The tokens of the browsers, for whatever runs on this server. Made at the first request, so that a build needs no secret. */
export function bff(): Bff {
  globalThis.pawlBff ??= create()
  return globalThis.pawlBff
}

export const rendering = () => createServerRendering(bff())

function create(): Bff {
  const { PORT = '3000', PAWL_ISSUER = 'http://localhost:8080', PAWL_CLIENT_SECRET, SESSION_SECRET } = process.env
  if (PAWL_CLIENT_SECRET === undefined || SESSION_SECRET === undefined) {
    throw new Error('PAWL_CLIENT_SECRET and SESSION_SECRET have to be set; the README says how')
  }
  return createBff({
    issuer: PAWL_ISSUER,
    origin: `http://localhost:${PORT}`,
    client: { id: 'next-application', secret: PAWL_CLIENT_SECRET },
    sessions: sealedSessions([SESSION_SECRET]),
    // People come to pages by links from elsewhere, and shall find themselves signed in.
    sameSite: 'Lax',
  })
}
