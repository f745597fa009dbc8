'use client'

import { type Client, createClient, type Session as KnownSession } from '@pawl/client'
import { SessionProvider, useSession } from '@pawl/client/react'
import { useState } from 'react'

let shared: Client | undefined

/** One client for the page. While it is rendered on the server nobody asks it anything. */
function client(): Client {
  const origin = typeof location === 'undefined' ? 'http://localhost' : location.origin
  if (typeof location === 'undefined') return createClient({ issuer: `${origin}/bff` })
  shared ??= createClient({ issuer: `${origin}/bff` })
  return shared
}

export function Session({ initial }: { readonly initial: KnownSession | undefined }) {
  const [held] = useState(client)
  return (
    <SessionProvider client={held} {...(initial !== undefined && { initial })}>
      <Who signOut={() => void held.signOut()} />
    </SessionProvider>
  )
}

function Who({ signOut }: { readonly signOut: () => void }) {
  const session = useSession()
  if (session.status === 'signed-out') return <a href="/bff/sign-in">Sign in</a>
  if (session.status !== 'active') return <span id="who">…</span>
  return (
    <>
      <span id="who">{session.user.username}</span>
      <button type="button" id="sign-out" onClick={signOut}>
        Sign out
      </button>
    </>
  )
}
