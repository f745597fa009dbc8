import { ConfigurationError, describeProblem } from '@pawl/server'
import { onOneLine } from './output.ts'

/** What the system's codes mean here, and what to do. */
const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another process listens there. Stop it, or set PORT to a free port.',
  EADDRNOTAVAIL: 'This machine has no such address. Set HOST to one that it has, such as 127.0.0.1 or 0.0.0.0.',
  ENOTFOUND: 'There is no host of that name. Set HOST to an address of this machine, such as 127.0.0.1.',
  EACCES: 'This user may not do that. Give it access to PAWL_DATA, and a PORT above 1023.',
  EPERM: 'This user may not do that. Give it access to PAWL_DATA.',
  ENOSPC: 'The disk is full. Make room, or set PAWL_DATA to another one.',
  EROFS: 'The file system is read-only. Set PAWL_DATA to a directory that can be written.',
  ENOTDIR: 'PAWL_DATA must name a directory.',
  EEXIST: 'PAWL_DATA must name a directory.',
}

/**
 * A failure as lines for stderr, each with what to do where that is known.
 *
 * @param otherwise what to do where it is not
 */
export function describeFailure(error: unknown, otherwise = 'To find out more, run: pawl doctor'): readonly string[] {
  if (error instanceof ConfigurationError) return error.problems.map((problem) => onOneLine(describeProblem(problem)))
  if (!(error instanceof Error)) return [onOneLine(String(error))]
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const message = error.message.replace(/[.\s]+$/, '')
  return [onOneLine(`${message}${behind(error)}. ${hints[code] ?? otherwise}`)]
}

/** What the system or the database said, where the error itself only tells what that means. */
function behind({ message, cause }: Error): string {
  // Several addresses of one host were tried.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  return first instanceof Error && first.message !== '' && !message.includes(first.message)
    ? ` (${first.message.replace(/[.\s]+$/, '')})`
    : ''
}
