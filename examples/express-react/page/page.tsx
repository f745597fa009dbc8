import { createClient } from '@pawl/client'
import { SessionProvider, useSession } from '@pawl/client/react'
import { type FormEvent, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

/** The address of the token server; the build puts it here. */
declare const ISSUER: string

// The access token stays in this page's memory and goes to this page's own origin; the refresh token is in a cookie of the
// token server, which no script can read.
const client = createClient({ issuer: ISSUER, access: 'memory', allowedOrigins: [location.origin] })

function Page() {
  const session = useSession()
  if (session.status === 'loading') return <p role="status">…</p>
  if (session.status !== 'active') return <SignIn />
  return (
    <>
      <p role="status" id="session">
        Signed in as {session.user.username}.
      </p>
      <Me />
      <button type="button" id="sign-out" onClick={() => void client.signOut()}>
        Sign out
      </button>
    </>
  )
}

function SignIn() {
  const [message, setMessage] = useState('Nobody is signed in.')
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const outcome = await client.signIn({
      username: String(form.get('username')),
      password: String(form.get('password')),
    })
    if (!outcome.ok) setMessage(`That did not work: ${outcome.code}.`)
  }
  return (
    <form id="sign-in" onSubmit={(event) => void submit(event)}>
      <p role="status" id="session">
        {message}
      </p>
      <label>
        Username <input name="username" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit">Sign in</button>
    </form>
  )
}

function Me() {
  const [answer, setAnswer] = useState('')
  const call = async () => {
    const reply = await client.fetch('/api/me')
    setAnswer(`${reply.status} ${await reply.text()}`)
  }
  return (
    <>
      <button type="button" id="call" onClick={() => void call()}>
        Ask the API who I am
      </button>
      <pre id="answer">{answer}</pre>
    </>
  )
}

const root = document.getElementById('root')
if (root === null) throw new Error('the page has no root')
createRoot(root).render(
  <StrictMode>
    <SessionProvider client={client}>
      <Page />
    </SessionProvider>
  </StrictMode>,
)
