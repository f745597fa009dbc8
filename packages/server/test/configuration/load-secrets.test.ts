import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadSecrets, secretsFileName } from '../../src/configuration/load-secrets.ts'

const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes))
let parent = ''
let data = ''

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'pawl-secrets-'))
  data = join(parent, 'data')
})
afterEach(() => rm(parent, { recursive: true, force: true }))

async function idsOf(): Promise<readonly string[]> {
  const outcome = await loadSecrets(data, random)
  return outcome.ok ? outcome.secrets.map((secret) => secret.id) : []
}

describe('T13.2 secrets of a development server', () => {
  test('are made at the first start, for the owner only, and found at the next', async () => {
    const first = await loadSecrets(data, random)
    const second = await loadSecrets(data, random)
    expect(first).toMatchObject({ ok: true, created: true, warnings: [] })
    expect(second).toMatchObject({ ok: true, created: false, warnings: [] })
    expect(second.ok && second.secrets[0].id).toBe(first.ok && first.secrets[0].id)
    expect((await stat(join(data, secretsFileName))).mode & 0o777).toBe(0o600)
    expect((await stat(data)).mode & 0o777).toBe(0o700)
    expect(await readdir(data)).toEqual([secretsFileName])
  })

  test('are the same for processes that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, idsOf))
    expect(new Set(all.flat()).size).toBe(1)
    expect(all.every((ids) => ids.length === 1)).toBe(true)
    expect(await readdir(data)).toEqual([secretsFileName])
  })

  test('may be several, newest first, as in PAWL_SECRETS', async () => {
    await loadSecrets(data, random)
    const path = join(data, secretsFileName)
    const newer = Buffer.from(randomBytes(32)).toString('base64url')
    await writeFile(path, `${newer},${(await readFile(path, 'utf8')).trim()}\n`)
    expect(await idsOf()).toHaveLength(2)
  })

  test.each([0o644, 0o640, 0o620])('that others may read or write are warned about (mode %o)', async (mode) => {
    await loadSecrets(data, random)
    await chmod(join(data, secretsFileName), mode)
    expect(await loadSecrets(data, random)).toMatchObject({
      ok: true,
      warnings: [expect.stringMatching(/06[24][04].*chmod 600/)],
    })
  })

  test.each(['', 'short', 'half-a-secret-file,'])(
    '"%s" in the file stops the start and is not replaced',
    async (text) => {
      await loadSecrets(data, random)
      const path = join(data, secretsFileName)
      await writeFile(path, text)
      const outcome = await loadSecrets(data, random)
      expect(outcome).toMatchObject({
        ok: false,
        problem: { setting: 'PAWL_SECRETS', reason: expect.stringContaining(path) },
      })
      expect(await readFile(path, 'utf8')).toBe(text)
    },
  )
})
