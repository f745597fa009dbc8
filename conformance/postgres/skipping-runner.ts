import { type RunnerTestFile, type RunnerTestSuite, TestRunner } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'

/** Vitest's runner (it wants a class) for tests that all need PostgreSQL: where that is missing, each is skipped by name. */
export default class SkippingRunner extends TestRunner {
  onCollected(files: readonly RunnerTestFile[]): void {
    if (isMissing('postgresql')) for (const file of files) skip(file)
  }
}

function skip(suite: RunnerTestSuite): void {
  suite.mode = 'skip'
  for (const task of suite.tasks) {
    if (task.type === 'suite') skip(task)
    else task.mode = 'skip'
  }
}
