/**
 * The store could not be asked or did not answer: locked for too long, full, read-only, broken, or closed. Says nothing
 * about any token: it goes out as 503, and the same request may be sent again. What was being written may or may not
 * have been committed, so whoever decides on must read first.
 *
 * It stands here because its consumer decides on it. Engines import this one value of the heart, and only types besides.
 */
export interface StorageUnavailable extends Error {
  readonly name: 'StorageUnavailable'
}

/**
 * Makes a {@link StorageUnavailable} out of what the engine met.
 *
 * @param cause the engine's own error, for the log
 * @param message what an operator is to know and to do; default: that the store did not answer
 */
export function storageUnavailable(cause: unknown, message = 'the store did not answer'): StorageUnavailable {
  const error = new Error(message, { cause })
  return Object.assign(error, { name: 'StorageUnavailable' as const })
}

/** Tells a {@link StorageUnavailable} from every other error. */
export function isStorageUnavailable(error: unknown): error is StorageUnavailable {
  return error instanceof Error && error.name === 'StorageUnavailable'
}
