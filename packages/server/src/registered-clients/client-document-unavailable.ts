/**
 * A document that a client publishes could not be had: its key set, or its metadata. Says nothing about the client: it goes
 * out as 503, and the same request may be sent again.
 */
export interface ClientDocumentUnavailable extends Error {
  readonly name: 'ClientDocumentUnavailable'
}

/** Makes a {@link ClientDocumentUnavailable}; the detail is for the log. */
export function clientDocumentUnavailable(detail: string): ClientDocumentUnavailable {
  const error = new Error(`a document of a client could not be had: ${detail}`)
  return Object.assign(error, { name: 'ClientDocumentUnavailable' as const })
}

/** Tells a {@link ClientDocumentUnavailable} from every other error. */
export function isClientDocumentUnavailable(error: unknown): error is ClientDocumentUnavailable {
  return error instanceof Error && error.name === 'ClientDocumentUnavailable'
}
