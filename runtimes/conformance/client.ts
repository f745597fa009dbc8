import { type Client, type ClientOptions, createClient } from '@pawl/client'
import { createVerifier } from '@pawl/verifier'
import { expectEqual, reasonOf } from './expectations.ts'
import { openJar } from './signed-in.ts'
import type { Surroundings, Test } from './suite.ts'

/** A client of the real server, with a jar where the runtime keeps no cookies. */
function openClient({ issuer, keepsCookies }: Surroundings, options: ClientOptions = {}): Client {
  return createClient({ issuer, ...(!keepsCookies && openJar(issuer)), ...options })
}

/** A function of the page must be called as one of the page's. */
const ownFetch: typeof fetch = (input, init) => fetch(input, init)

async function signIn(client: Client, { user }: Surroundings) {
  const outcome = await client.signIn(user)
  if (!outcome.ok) throw new Error(outcome.code)
  return outcome.session
}

async function statusOf(client: Client, url: string): Promise<number> {
  const reply = await client.fetch(url)
  await reply.body?.cancel()
  return reply.status
}

/** From signing in to signing out, in both ways of holding the access token. */
export const clientTests: readonly Test[] = [
  ...(['cookie', 'memory'] as const).map((access) => ({
    name: `the client, access token in the ${access === 'cookie' ? 'jar' : 'memory'}: sign-in, refresh, sign-out`,
    async run(surroundings: Surroundings) {
      const { issuer, user } = surroundings
      const client = openClient(surroundings, { access })
      const told: string[] = []
      client.onChange(({ status }) => told.push(status))
      const { generation, sessionId, user: signedIn } = await signIn(client, surroundings)
      expectEqual([generation, signedIn.username], [0, user.username])
      expectEqual(await statusOf(client, `${issuer}/auth/session`), 200)
      const refreshed = await client.refresh()
      if (refreshed.status !== 'active') throw new Error(refreshed.status)
      expectEqual([refreshed.generation, refreshed.sessionId], [1, sessionId])
      expectEqual(await statusOf(client, `${issuer}/auth/session`), 200)
      expectEqual(await client.signOut(), { ok: true })
      expectEqual((await client.session()).status, 'signed-out')
      expectEqual(await statusOf(client, `${issuer}/auth/session`), 401)
      expectEqual([told[0], told.at(-1)], ['active', 'signed-out'])
      client.dispose()
    },
  })),
  {
    name: 'T1.1 refreshes at the same time are one, and all end in the same generation',
    async run(surroundings) {
      const client = openClient(surroundings)
      await signIn(client, surroundings)
      const sessions = await Promise.all(Array.from({ length: 10 }, () => client.refresh()))
      const generations = sessions.map((session) => (session.status === 'active' ? session.generation : session.status))
      expectEqual([...new Set(generations)], [1])
      await client.signOut()
      client.dispose()
    },
  },
  {
    name: 'a wrong password is a value, and leaves nothing behind',
    async run(surroundings) {
      const client = openClient(surroundings)
      const outcome = await client.signIn({ ...surroundings.user, password: 'quite another passphrase' })
      expectEqual(outcome.ok ? 'signed in' : outcome.code, 'invalid_credentials')
      expectEqual((await client.session()).status, 'signed-out')
      client.dispose()
    },
  },
  {
    name: 'T4.1 a reply that was lost is no sign-out: the session is stale, then active again',
    async run(surroundings) {
      let losing = false
      const carry = surroundings.keepsCookies ? { fetch: ownFetch } : openJar(surroundings.issuer)
      const client = openClient(surroundings, {
        ...carry,
        fetch: async (input, init) => {
          if (losing) throw new TypeError('the connection broke')
          return carry.fetch(input, init)
        },
      })
      await signIn(client, surroundings)
      losing = true
      const cut = await client.refresh()
      expectEqual(cut.status === 'stale' ? cut.cause.kind : cut.status, 'network')
      losing = false
      expectEqual((await client.refresh()).status, 'active')
      await client.signOut()
      client.dispose()
    },
  },
  {
    name: 'the access token that the client sends is one that the verifier accepts',
    async run(surroundings) {
      const { audience, issuer } = surroundings
      const jar = surroundings.keepsCookies ? undefined : openJar(issuer)
      const carry = jar?.fetch ?? ownFetch
      const presented: Request[] = []
      const client = openClient(surroundings, {
        ...jar,
        access: 'memory',
        fetch: (input, init) => {
          const request = new Request(input, init)
          if (request.headers.has('authorization')) presented.push(request.clone())
          return carry(request)
        },
      })
      await signIn(client, surroundings)
      await statusOf(client, `${issuer}/auth/session`)
      const [request] = presented
      if (request === undefined) throw new Error('no request had a token')
      expectEqual(await reasonOf(createVerifier({ issuer, audience }), request), 'accepted')
      await client.signOut()
      client.dispose()
    },
  },
]
