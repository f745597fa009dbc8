import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openBrowser } from './running-server/browser.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

const explanation = z.looseObject({
  level: z.literal(40),
  requestId: z.uuid(),
  got: z.string().nullable(),
  expected: z.array(z.string()),
  msg: z.string(),
})

function explanationsOf(server: StartedServer): readonly z.infer<typeof explanation>[] {
  return server.log.flatMap((line) => explanation.safeParse(JSON.parse(line)).data ?? [])
}

describe('T27.1 a request from an origin that is not trusted', () => {
  test('is explained to the operator: what came, what is trusted, which settings to change', async () => {
    const trusted = 'https://app.example'
    await using server = await startServer({ configuration: { trustedOrigins: [trusted] } })
    const headers = { origin: 'https://id.example', cookie: 'pawl_refresh=a-secret-value' }
    const reply = await server.send('/auth/refresh', { json: {}, headers })
    expectRefusal(reply, 'csrf_rejected', 'untrusted_origin')
    const [told, ...more] = explanationsOf(server)
    expect(more).toEqual([])
    expect(told).toMatchObject({
      requestId: reply.headers.get('x-request-id'),
      got: 'https://id.example',
      expected: expect.arrayContaining([server.origin, trusted]),
      msg: expect.stringMatching(/PAWL_TRUSTED_ORIGINS.*PAWL_ISSUER/),
    })
    expect(JSON.stringify(told)).not.toContain('a-secret-value')
  })

  test('cannot fill or forge the log', async () => {
    await using server = await startServer()
    const origin = `https://evil.example/${'x'.repeat(5000)}`
    await server.send('/auth/login', { json: alice, headers: { origin } })
    const sameSite = { 'sec-fetch-site': 'same-site' }
    expectRefusal(
      await server.send('/auth/login', { json: alice, headers: sameSite }),
      'csrf_rejected',
      'untrusted_origin',
    )
    expect(explanationsOf(server).map(({ got }) => got)).toEqual([origin.slice(0, 256), null])
  })

  test('is not explained where no setting would help', async () => {
    await using server = await startServer()
    await server.send('/auth/login', { json: alice, headers: { 'sec-fetch-site': 'cross-site' } })
    await server.send('/auth/refresh', { json: {}, headers: { cookie: 'pawl_refresh=x' } })
    expect(explanationsOf(server)).toEqual([])
  })

  test('nothing is inferred from Host or forwarding headers: a page that only they would make ours is refused', async () => {
    await using server = await startServer()
    for (const headers of [{ 'x-forwarded-host': 'id.example' }, { forwarded: 'host=id.example;proto=https' }]) {
      const further = { ...headers, 'x-forwarded-proto': 'https', origin: 'https://id.example' }
      expectRefusal(
        await server.send('/auth/login', { json: alice, headers: further }),
        'csrf_rejected',
        'untrusted_origin',
      )
    }
  })
})

describe('T27.4 a development server on plain http', () => {
  test.each([
    ['http://localhost:8080', 0],
    ['http://127.0.0.1:8080', 0],
    ['http://192.168.1.5:8080', 1],
  ])('at %s signs a browser in and keeps it signed in; warnings: %i', async (issuer, warnings) => {
    await using server = await startServer({ issuer })
    const browser = openBrowser(server)
    expect((await browser.send('/auth/login', { json: alice })).status).toBe(200)
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
    expect((await browser.send('/auth/session')).status).toBe(200)
    const plain = server.pawl.warnings.filter((warning) => warning.includes('plain http'))
    expect(plain).toHaveLength(warnings)
  })
})
