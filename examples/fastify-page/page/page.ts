import { createClient, type Session } from '@pawl/client'

// In cookies, which the browser sends along by itself: this page is on the token server's own origin.
const client = createClient({ issuer: new URL('/id', location.href) })

const element = (id: string) => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return found
}

function show(session: Session): void {
  const isSignedIn = session.status === 'active'
  element('session').textContent = isSignedIn ? `Signed in as ${session.user.username}.` : 'Nobody is signed in.'
  element('sign-in').hidden = isSignedIn
  element('signed-in').hidden = !isSignedIn
}

element('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault()
  if (!(event.target instanceof HTMLFormElement)) return
  const form = new FormData(event.target)
  const outcome = await client.signIn({
    username: String(form.get('username')),
    password: String(form.get('password')),
  })
  if (!outcome.ok) element('session').textContent = `That did not work: ${outcome.code}.`
})

element('call').addEventListener('click', async () => {
  const reply = await client.fetch('/api/me')
  element('answer').textContent = `${reply.status} ${await reply.text()}`
})

element('sign-out').addEventListener('click', () => client.signOut())

client.onChange(show)
show(await client.session())
