import { parseArgs } from 'node:util'
import { z } from 'zod'
import { installApplication } from './application.ts'
import { compilers } from './compilers.ts'
import type { Result, Surroundings } from './conformance/suite.ts'
import { type Runtime, runtimes } from './launched-runtimes.ts'
import { startRealIssuer } from './real-issuer.ts'
import { makeTokenVectors, plantedVectors } from './token-vectors.ts'

/**
 * `npm run -s runtimes [-- NAME…] [--planted]`: runs the suite on each runtime and has each compiler
 * read the types, or only those named; prints what failed, and as the last line of stdout all results as one JSON object. Exit status 1 when something failed that was not planted.
 */

const resultsForm = z.array(z.object({ name: z.string(), ok: z.boolean(), problem: z.string().optional() }))

/** What came of a runtime: the results, or why there are none. */
type Report = { readonly results: readonly Result[] } | { readonly missing: string }

const { values, positionals } = parseArgs({ options: { planted: { type: 'boolean' } }, allowPositionals: true })
const known = [...runtimes, ...compilers]
const chosen = positionals.length === 0 ? known : known.filter(({ name }) => positionals.includes(name))
const reports: Record<string, Report> = {}
{
  using application = installApplication()
  await using issuer = await startRealIssuer()
  const vectors = makeTokenVectors()
  const surroundings: Surroundings = {
    vectors,
    planted: values.planted ? plantedVectors(vectors) : [],
    issuer: issuer.issuer,
    audience: issuer.issuer,
    user: issuer.user,
    keepsCookies: false,
  }
  const run = async (runtime: Runtime): Promise<Report> => {
    const missing = runtime.missing()
    if (missing !== undefined) return { missing }
    return { results: resultsForm.parse(await runtime.run(application, surroundings, issuer)).map(plain) }
  }
  for (const runtime of chosen) {
    const report = await run(runtime)
    reports[runtime.name] = report
    process.stdout.write(describe(runtime.name, report))
  }
}
process.stdout.write(`${JSON.stringify(reports)}\n`)
if (chosen.length === 0) {
  process.stderr.write(`known are ${known.map(({ name }) => name).join(', ')}\n`)
  process.exitCode = 2
} else if (
  Object.values(reports).some((report) => failures(report).some(({ name }) => !name.startsWith('planted: ')))
) {
  process.exitCode = 1
}

function plain({ name, ok, problem }: z.infer<typeof resultsForm>[number]): Result {
  return { name, ok, ...(problem !== undefined && { problem }) }
}

function failures(report: Report): readonly Result[] {
  return 'missing' in report ? [] : report.results.filter(({ ok }) => !ok)
}

function describe(name: string, report: Report): string {
  if ('missing' in report) return `${name}: skipped, ${report.missing}\n`
  const failed = failures(report)
  const lines = failed.map((result) => `  ${result.name}: ${result.problem}\n`)
  return `${name}: ${report.results.length - failed.length} passed, ${failed.length} failed\n${lines.join('')}`
}
