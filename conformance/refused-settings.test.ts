import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { findFreePort } from './running-server/free-port.ts'
import { runPawl } from './running-server/started-process.ts'

const secretOf = (name: string): string => createHash('sha256').update(name).digest('base64url')

describe('settings that keep pawl start from starting', () => {
  const production = { PAWL_MODE: 'production', PAWL_ISSUER: 'https://id.example', PAWL_SECRETS: secretOf('a') }
  const refusals = [
    [
      'an http issuer that others can reach (T27.4)',
      { ...production, PAWL_ISSUER: 'http://id.example' },
      'PAWL_ISSUER',
    ],
    ['no secrets', { ...production, PAWL_SECRETS: '' }, 'PAWL_SECRETS'],
    ['a short secret', { ...production, PAWL_SECRETS: secretOf('a').slice(0, 40) }, 'PAWL_SECRETS'],
    ['a secret that nobody drew', { ...production, PAWL_SECRETS: 'A'.repeat(43) }, 'PAWL_SECRETS'],
    [
      'cookies for another site (T15.2)',
      { ...production, PAWL_TRUSTED_ORIGINS: 'https://app.other' },
      'PAWL_TRUSTED_ORIGINS',
    ],
    ['proxies that are everyone', { ...production, PAWL_TRUSTED_PROXIES: '0.0.0.0/0' }, 'PAWL_TRUSTED_PROXIES'],
    [
      'an idle limit above the absolute one (T32.2)',
      { PAWL_IDLE_SECONDS: '100', PAWL_ABSOLUTE_SECONDS: '50' },
      'PAWL_IDLE_SECONDS',
    ],
    [
      'access tokens that outlive idle sessions (T32.2)',
      { PAWL_ACCESS_SECONDS: '100', PAWL_IDLE_SECONDS: '100' },
      'PAWL_ACCESS_SECONDS',
    ],
    ['an issuer with a query', { PAWL_ISSUER: 'https://id.example/?x' }, 'PAWL_ISSUER'],
    ['a database of another kind', { PAWL_DATABASE_URL: 'mysql://db.example/pawl' }, 'PAWL_DATABASE_URL'],
  ] as const

  test.each(refusals)(
    '%s: status 1, the setting and the way out on stderr, nothing on stdout',
    async (_, environment, setting) => {
      const path = `/tmp/pawl-never-made-${await findFreePort()}`
      const end = await runPawl(['start'], { PORT: String(await findFreePort()), ...environment, PAWL_DATA: path })
      expect({ status: end.status, stdout: end.stdout }).toEqual({ status: 1, stdout: '' })
      expect(end.stderr).toMatch(new RegExp(`^pawl: ${setting} .*To fix it, `, 'm'))
      expect(end.stderr).not.toContain(secretOf('a').slice(0, 20))
      await expect(stat(path)).rejects.toThrow('ENOENT')
    },
  )
})
