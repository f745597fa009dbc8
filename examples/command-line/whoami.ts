import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createTokenClient } from '@pawl/client'
import { fileStore } from '@pawl/client/file-store'

const { PAWL_ISSUER = 'http://localhost:8080', CREDENTIALS = join(homedir(), '.config/whoami/session') } = process.env

// All processes of the user share the file: when the access token expires, one of them refreshes and the others read on.
const client = createTokenClient({ issuer: PAWL_ISSUER, store: fileStore(CREDENTIALS) })

const commands: Readonly<Record<string, (argument: string) => Promise<string>>> = {
  'sign-in': async (username) => {
    const outcome = await client.signIn({ username, password: (await text(process.stdin)).replace(/\n$/, '') })
    if (outcome.ok) return `signed in as ${outcome.session.user.username}`
    throw new Error(`that did not work: ${outcome.code}`)
  },
  whoami: async () => {
    const reply = await client.fetch(`${PAWL_ISSUER}/auth/session`)
    if (reply.ok) return reply.text()
    const { status } = await client.session()
    throw new Error(status === 'signed-out' ? 'nobody is signed in' : `the server cannot be asked now: ${status}`)
  },
  'sign-out': async () => {
    const outcome = await client.signOut()
    return outcome.ok ? 'signed out' : 'signed out here; the server could not be told yet'
  },
}

const [name = 'whoami', argument = ''] = process.argv.slice(2)
try {
  const command = commands[name]
  if (command === undefined) throw new Error('usage: whoami | sign-in USERNAME < password | sign-out')
  console.log(await command(argument))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  client.dispose()
}
