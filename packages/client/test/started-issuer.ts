import { createLogger, createPawl, memoryStorage, type Pawl, type PawlConfiguration } from '@pawl/server'
import { createVerifier, type Requirement } from '@pawl/verifier'
import { protect } from '@pawl/verifier/fetch-handler'
import { revocationFeed } from '@pawl/verifier/revocation-feed'
import { onTestFinished, vi } from 'vitest'

export const issuer = 'https://app.example'
/** An API on an origin of its own, for clients that hold the access token themselves. */
export const apiOrigin = 'https://api.example'
export const ada = { username: 'ada@example.com', password: 'a long enough passphrase' } as const
export const grace = { username: 'grace@example.com', password: 'another long passphrase' } as const

/** The real server, in this process, with an API beside it that the real verifier protects. */
export interface StartedIssuer {
  readonly answer: (request: Request) => Promise<Response>
  readonly administration: Pawl['administration']
  /** Waits until the API has heard of so many revocations in all. */
  readonly heard: (revocations: number) => Promise<void>
  /** Turns everything that has a time of day: server, verifier and cookie jar. The client's own clock stands still. */
  readonly passTime: (seconds: number) => void
}

/** Starts one for the length of a test. */
export async function startIssuer(configuration: PawlConfiguration = {}): Promise<StartedIssuer> {
  // Timers that never fire: so every test here also shows that nothing the client does depends on one (T20.2).
  const toFake = ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const
  vi.useFakeTimers({ toFake: [...toFake], now: Date.UTC(2026, 0, 1) })
  const logger = createLogger()
  logger.level = 'silent'
  const audience = `${apiOrigin}/`
  const pawl = createPawl({
    issuer,
    audience,
    secrets: Buffer.from('32 bytes that are good for tests').toString('base64url'),
    storage: memoryStorage({ clock: () => Date.now() }),
    logger,
    ...configuration,
  })
  await pawl.ready()
  onTestFinished(async () => {
    await pawl.close()
    vi.useRealTimers()
  })
  for (const person of [ada, grace]) await pawl.administration.addUser({ ...person, roles: ['reader'] })

  const verifier = createVerifier({
    issuer,
    audience,
    cookie: true,
    revocations: revocationFeed(),
    fetch: (url, init) => pawl.fetch(new Request(url, init)),
  })
  onTestFinished(() => verifier.close())
  const notes = (require: Requirement) =>
    protect(
      verifier,
      async (request, claims) =>
        Response.json({ subject: claims.sub, roles: claims.roles, body: await request.text() }),
      { require },
    )
  const api = new Map([
    ['/api/notes', notes({})],
    ['/api/vault', notes({ scope: ['vault:open'] })],
  ])

  return {
    answer: (request) => (api.get(new URL(request.url).pathname) ?? pawl.fetch)(request),
    administration: pawl.administration,
    heard: async (revocations) => {
      while (verifier.feed.entries < revocations) await new Promise(setImmediate)
    },
    passTime: (seconds) => {
      vi.setSystemTime(Date.now() + seconds * 1000)
    },
  }
}
