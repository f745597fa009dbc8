import { createInterface } from 'node:readline'
import { createTokenClient } from '@pawl/client'
import { fileStore } from '@pawl/client/file-store'
import { z } from 'zod'

/**
 * A program that shares its tokens with others by a file: `node client-program.ts ISSUER FILE`. It reads one command per
 * line, `NAME` or `NAME {…}`, and answers each with one line of JSON.
 */

const [, , issuer = '', file = ''] = process.argv
let diesWithReply = false
const client = createTokenClient({
  issuer,
  store: fileStore(file),
  fetch: async (input, init) => {
    const response = await fetch(input, init)
    if (diesWithReply) {
      await response.clone().text()
      process.kill(process.pid, 'SIGKILL')
    }
    return response
  },
})

const credentials = z.object({ username: z.string(), password: z.string() })

const commands: Readonly<Record<string, (argument: unknown) => Promise<unknown>>> = {
  signIn: (argument) => client.signIn(credentials.parse(argument)),
  signOut: () => client.signOut(),
  session: () => client.session(),
  refresh: () => client.refresh(),
  refreshAndDie: () => {
    diesWithReply = true
    return client.refresh()
  },
  tryCall: () => client.fetch(`${issuer}/auth/session`).then((reply) => reply.status, String),
  call: async () => (await client.fetch(`${issuer}/auth/session`)).status,
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', ...argument] = line.split(' ')
  const answer = await commands[name]?.(argument.length === 0 ? undefined : JSON.parse(argument.join(' ')))
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
