import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'

const secrets = [Buffer.from('a secret of thirty-two bytes, so').toString('base64url')]
const day = 86_400_000

function timesOf(accessToken: string): { readonly iat: number; readonly exp: number } {
  const { iat, exp } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
  return { iat, exp }
}

/** Headers with which a client tells a time; none of them may matter. */
function toldTimes(milliseconds: number): Record<string, string> {
  const date = new Date(milliseconds).toUTCString()
  return { date, 'if-modified-since': date, 'x-request-start': `t=${milliseconds}` }
}

describe.each(engines)('T21.3 whose clock orders tokens and revocations on %s', (engine) => {
  /** A server with the store's clock, and a node on the same store whose machine is wrong about the time. */
  async function withNode(skew: number, use: (nodes: { one: StartedServer; node: StartedServer }) => Promise<void>) {
    await using one = await startServer({ engine, configuration: { secrets } })
    const wrong = () => one.clock.now() + skew
    const configuration = { secrets, clock: wrong }
    await using node = await startServer({ engine, besides: one, issuer: one.issuer, configuration })
    await use({ one, node })
  }

  test.each([-day, -300_000, 300_000, day])('the store’s, with a node that is %i ms off', async (skew) => {
    await withNode(skew, async ({ one, node }) => {
      const session = await signIn(one)
      const wrong = toldTimes(one.clock.now() + skew)
      const reply = await node.send('/auth/refresh', { json: { refresh_token: session.refresh_token }, headers: wrong })
      const { access_token } = JSON.parse(reply.text)
      const second = Math.floor(one.clock.now() / 1000)
      expect(timesOf(access_token)).toEqual({ iat: second, exp: second + 900 })
      // What one node gave is good at the other, however wrong that is about the time.
      expect(await sessionStatus(node, session.access_token)).toBe(200)
      expect(await sessionStatus(one, access_token)).toBe(200)
      // Windows are measured by the store's clock as well.
      one.clock.advanceSeconds(29)
      expect((await refresh(node, session.refresh_token)).session_id).toBe(session.session_id)
      one.clock.advanceSeconds(1)
      expectRefusal(await tryRefresh(node, session.refresh_token), 'invalid_grant', 'replay')
    })
  })

  test.each([-day, day])(
    'a revocation by a node that is %i ms off ends what was before it, and nothing after',
    async (skew) => {
      await withNode(skew, async ({ one, node }) => {
        const before = await signIn(one)
        const headers = toldTimes(one.clock.now() - skew)
        const everywhere = { method: 'POST', bearer: before.access_token, headers } as const
        expect((await node.send('/auth/logout-everywhere', everywhere)).status).toBe(204)
        // All of this happens in one and the same millisecond.
        const after = await signIn(one)
        expect(timesOf(after.access_token).iat).toBe(timesOf(before.access_token).iat)
        for (const server of [one, node]) {
          expect(await sessionStatus(server, before.access_token)).toBe(401)
          expect(await sessionStatus(server, after.access_token)).toBe(200)
        }
        expectRefusal(await tryRefresh(node, before.refresh_token), 'invalid_grant', 'revoked_by_user')
        expect((await tryRefresh(node, after.refresh_token)).status).toBe(200)
      })
    },
  )
})
