import { spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { repository } from './run-tool.ts'

const reportsForm = z.record(
  z.string(),
  z.union([
    z.object({ results: z.array(z.object({ name: z.string(), ok: z.boolean(), problem: z.string().optional() })) }),
    z.object({ missing: z.string() }),
  ]),
)

const runtimes = ['node-24', 'node-26', 'bun', 'deno', 'workerd', 'chromium']
const compilers = ['typescript-5.4', 'typescript-5.9', 'typescript-6.0', 'typescript-latest']

describe('npm run runtimes: one suite on the packed packages', () => {
  let reports: z.infer<typeof reportsForm> = {}
  let status: number | null = null

  beforeAll(() => {
    const words = ['run', '-s', 'runtimes', '--', '--planted']
    const run = spawnSync('npm', words, { cwd: repository, encoding: 'utf8', maxBuffer: 2 ** 26 })
    reports = reportsForm.parse(JSON.parse(run.stdout.trimEnd().split('\n').at(-1) ?? ''))
    ;({ status } = run)
  })

  test('every one of them has its turn', () => {
    expect(Object.keys(reports)).toEqual([...runtimes, ...compilers])
    expect(status).toBe(0)
  })

  describe.each([
    ...runtimes.map((name) => [`T25.1 ${name}`, name] as const),
    ...compilers.map((name) => [`T26.2 ${name}`, name] as const),
  ])('%s', (_, name) => {
    test('all green but what was planted to be red (skipped where it is missing)', ({ skip }) => {
      const report = reports[name] ?? { missing: 'no word of it' }
      if ('missing' in report) return skip(report.missing)
      const { results } = report
      const planted = results.filter((result) => result.name.startsWith('planted: '))
      expect(planted.length).toBeGreaterThan(0)
      expect(results.filter(({ ok }) => !ok)).toEqual(planted)
    })
  })

  test('T25.1 every runtime ran the same tests', () => {
    const ran = runtimes.flatMap((name) => {
      const report = reports[name]
      return report === undefined || 'missing' in report ? [] : [report.results.map((result) => result.name)]
    })
    for (const names of ran) expect(names).toEqual(ran[0])
    expect(ran[0]?.length).toBeGreaterThan(60)
  })
})
