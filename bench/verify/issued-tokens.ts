import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPawl, memoryStorage } from '@pawl/server'
import { pino } from 'pino'
import { z } from 'zod'

/** A server in this process, what it has issued and what it has revoked. */
export interface Issued extends AsyncDisposable {
  readonly issuer: string
  /** Access tokens as its users get them, each of another session. */
  readonly tokens: readonly string[]
  /** The public half of the key that signed them. */
  readonly publicKey: Readonly<Record<string, unknown>> & { readonly kty: string }
  /** Answers as the server does over the network. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
}

const issuer = 'https://id.example.com'
const login = z.looseObject({ access_token: z.string() })
const keySet = z.object({ keys: z.tuple([z.looseObject({ kty: z.literal('EC') })]) })

/** Has a real server sign people in, so that the tokens are what tokens are, and end sessions of others. */
export async function issueTokens(count: number, revocations: number): Promise<Issued> {
  const data = await mkdtemp(join(tmpdir(), 'pawl-bench-'))
  const storage = memoryStorage()
  const pawl = createPawl({
    data,
    issuer,
    storage,
    logger: pino({ level: 'silent' }),
    authenticate: async ({ username }) => ({ id: `user-${username}`, username, roles: ['author', 'reader'] }),
  })
  const send = async (path: string, init: RequestInit) =>
    pawl.fetch(new Request(issuer + path, init), { remoteAddress: '203.0.113.177' })
  const signIn = async (username: string): Promise<string> => {
    const body = JSON.stringify({ username, password: 'any of them', delivery: 'body' })
    const reply = await send('/auth/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    return login.parse(await reply.json()).access_token
  }
  const tokens: string[] = []
  for (let user = 1; user <= count; user += 1) tokens.push(await signIn(`ann-${user}`))
  const now = Date.now()
  for (let ended = 0; ended < revocations; ended += 1) {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url')
    await storage.addRevocation({ kind: 'session', id, now })
  }
  const { keys } = keySet.parse(await (await send('/oauth/jwks', {})).json())
  return {
    issuer,
    tokens,
    publicKey: keys[0],
    fetch: (url, init) => pawl.fetch(new Request(url, init), { remoteAddress: undefined }),
    async [Symbol.asyncDispose]() {
      await pawl.close()
      await rm(data, { recursive: true })
    },
  }
}
