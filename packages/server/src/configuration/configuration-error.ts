import type { ConfigurationProblem } from './settings.ts'

/** Thrown by `createPawl` when the configuration cannot work: holds every problem at once, and no secret. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  /** All reasons, in the order of the settings table. */
  readonly problems: readonly ConfigurationProblem[]

  /** @param problems at least one */
  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(describeProblem).join('\n'))
    this.problems = problems
  }
}

/** One problem as one line: the setting, what is wrong, and what to do. */
export function describeProblem(problem: ConfigurationProblem): string {
  return `${problem.setting} ${problem.reason.replace(/\.$/, '')}. To fix it, ${problem.fix}.`
}
