import { withSignal } from './deadline.ts'

/** Lets nobody else work at the same time, as far as that can be had before `patience` fires. */
export type Alone = (work: () => Promise<void>, patience: AbortSignal) => Promise<void>

/**
 * Runs the work once: alone if that can be had in time, and otherwise nevertheless. A lock only saves requests; a frozen or
 * dead holder must not stop anybody (T7.1).
 *
 * @param work must not reject
 */
export async function runAlone(
  alone: Alone | undefined,
  work: () => Promise<void>,
  patience: AbortSignal,
): Promise<void> {
  let begun: Promise<void> | undefined
  const begin = () => {
    begun ??= work()
    return begun
  }
  if (alone !== undefined) await withSignal(alone(begin, patience), patience).catch(() => undefined)
  await begin()
}
