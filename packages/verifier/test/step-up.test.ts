import { describe, expect, test } from 'vitest'
import { challenge, type Requirement } from '../src/index.ts'
import { protect } from '../src/middleware/fetch-handler.ts'
import { audience, createIssuer, type Members } from './issuer-fixture.ts'

const seconds = Date.UTC(2026, 10, 21, 12) / 1000
const fixture = createIssuer()

async function ask(require: Requirement, claims: Members): Promise<[reason: string, challenge: string | undefined]> {
  const verification = await fixture.verifier.verify(await fixture.token({ claims }), { require })
  return verification.ok ? ['accepted', undefined] : [verification.refusal.reason, challenge(verification.refusal)]
}

describe('SU-1 step-up (RFC 9470)', () => {
  test.each<[Requirement, Members, string]>([
    [{ acr: 'mfa' }, { acr: 'mfa' }, 'accepted'],
    [{ acr: 'mfa' }, { acr: 'pwd' }, 'authentication_too_weak'],
    [{ acr: 'mfa' }, { acr: 'mfa2' }, 'authentication_too_weak'],
    [{ acr: 'mfa' }, {}, 'authentication_too_weak'],
    [{ acr: { any: ['phr', 'mfa'] } }, { acr: 'mfa' }, 'accepted'],
    [{ acr: { any: ['phr', 'mfa'] } }, { acr: 'phr' }, 'accepted'],
    [{ acr: { any: ['phr', 'mfa'] } }, { acr: 'phr mfa' }, 'authentication_too_weak'],
    [{ maxAgeSeconds: 60 }, { auth_time: seconds - 60 }, 'accepted'],
    [{ maxAgeSeconds: 60 }, { auth_time: seconds - 90 }, 'accepted'],
    [{ maxAgeSeconds: 60 }, { auth_time: seconds - 91 }, 'authentication_too_old'],
    [{ maxAgeSeconds: 60 }, {}, 'authentication_too_old'],
    [{ maxAgeSeconds: 0 }, { auth_time: seconds }, 'accepted'],
    [{ maxAgeSeconds: 0 }, { auth_time: seconds - 31 }, 'authentication_too_old'],
    [{ acr: 'mfa', maxAgeSeconds: 60 }, { acr: 'mfa', auth_time: seconds }, 'accepted'],
    [{ acr: 'mfa', maxAgeSeconds: 60 }, { acr: 'pwd', auth_time: 1 }, 'authentication_too_weak'],
    [{ scope: ['notes:delete'], acr: 'mfa' }, { acr: 'pwd' }, 'missing_scope'],
    [{ roles: ['admin'], maxAgeSeconds: 60 }, { auth_time: 1 }, 'missing_role'],
  ])('%j with %j: %s', async (require, claims, expected) => {
    expect((await ask(require, claims))[0]).toBe(expected)
  })

  test('the challenge says all that the next token has to meet, the best way first', async () => {
    const both = { acr: { any: ['phr', 'mfa'] }, maxAgeSeconds: 60 } as const
    for (const claims of [
      { acr: 'pwd', auth_time: seconds },
      { acr: 'mfa', auth_time: 1 },
    ]) {
      const [, value] = await ask(both, claims)
      expect(value).toMatch(/^Bearer realm="https:\/\/api\.example", error="insufficient_user_authentication", /)
      expect(value).toMatch(/, acr_values="phr mfa", max_age="60"$/)
    }
    expect((await ask({ acr: 'mfa' }, {}))[1]).toMatch(/acr_values="mfa"$/)
    expect((await ask({ maxAgeSeconds: 60 }, {}))[1]).toMatch(/max_age="60"$/)
  })

  test('no other refusal speaks of it', async () => {
    const [reason, value] = await ask({ acr: 'mfa', maxAgeSeconds: 60 }, { exp: 1 })
    expect(reason).toBe('expired')
    expect(value).not.toMatch(/acr_values|max_age/)
  })

  test('401 with the body of every refusal', async () => {
    const handler = protect(fixture.verifier, () => new Response(), { require: { acr: 'mfa' } })
    const authorization = `Bearer ${await fixture.token()}`
    const response = await handler(new Request(audience, { headers: { authorization } }))
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({
      error: 'insufficient_user_authentication',
      reason: 'authentication_too_weak',
    })
  })

  test('a token in the cache grows too old as well', async () => {
    const own = createIssuer()
    const token = await own.token({ claims: { auth_time: seconds } })
    const ok = async () => (await own.verifier.verify(token, { require: { maxAgeSeconds: 60 } })).ok
    expect(await ok()).toBe(true)
    own.now += 91_000
    expect(await ok()).toBe(false)
  })

  test.each<Requirement>([
    { acr: 'a b' },
    { acr: '' },
    { acr: 'a"b' },
    { acr: { any: ['mfa', ''] } },
    { maxAgeSeconds: -1 },
    { maxAgeSeconds: Number.NaN },
    { maxAgeSeconds: Number.POSITIVE_INFINITY },
  ])('%j is a mistake in the code', async (require) => {
    await expect(fixture.verifier.verify('x', { require })).rejects.toThrow(TypeError)
    expect(() => protect(fixture.verifier, () => new Response(), { require })).toThrow(TypeError)
  })
})
