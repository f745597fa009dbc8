import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/** How a run went. */
export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Vitest reporter (it wants a class) that writes the counts of a run, as JSON, into the file named by `PAWL_TEST_COUNTS`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env['PAWL_TEST_COUNTS']
    if (file !== undefined) writeFileSync(file, JSON.stringify(count(modules, unhandledErrors.length)))
  }
}

function count(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
  const of = (state: string) => states.filter((candidate) => candidate === state).length
  // A file that does not load, or a hook that throws, fails as such; its tests may never have been counted.
  const brokenSuites = modules
    .flatMap((module) => [module, ...module.children.allSuites()])
    .filter((suite) => suite.errors().length > 0)
  return {
    passed: of('passed'),
    failed: of('failed') + brokenSuites.length + unhandledErrors,
    skipped: of('skipped') + of('pending'),
  }
}
