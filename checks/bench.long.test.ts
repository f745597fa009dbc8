import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isMissing } from './machine-packages.ts'
import { repository } from './run-tool.ts'

const execute = promisify(execFile)

const sizes = z.object({
  sqlite_bytes_per_session: z.number(),
  postgres_bytes_per_session: z.number(),
  growth_bytes_100_refreshes: z.number(),
  hot_share: z.number(),
})

describe.skipIf(isMissing('postgresql'))('npm run bench (needs postgresql)', () => {
  test('-- storage: a session takes no more than was promised, and a hundred refreshes add nothing (T9.1)', async () => {
    const { stdout } = await execute('npm', ['run', '-s', 'bench', '--', 'storage'], { cwd: repository })
    const figures = sizes.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''))
    expect(figures.sqlite_bytes_per_session).toBeLessThanOrEqual(600)
    expect(figures.postgres_bytes_per_session).toBeLessThanOrEqual(1200)
    expect(figures.growth_bytes_100_refreshes).toBeLessThanOrEqual(1)
    expect(figures.hot_share).toBeGreaterThan(0.999)
  })
})
