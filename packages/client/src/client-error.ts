/**
 * Why a request was not sent.
 * - `body_not_replayable`: its body is a stream that can be sent only once, and no fresh access token was to be had first
 * - `disposed`: the client was disposed of
 */
export type ClientErrorCode = 'body_not_replayable' | 'disposed'

const messages: Readonly<Record<ClientErrorCode, string>> = {
  body_not_replayable: 'A stream can be sent only once, and no fresh access token is to be had: nothing was sent.',
  disposed: 'This client was disposed of: nothing was sent.',
}

/** Thrown by `client.fetch` before it sends something that could not end well. Switch on {@link ClientError.code}. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode

  constructor(code: ClientErrorCode) {
    super(messages[code])
    this.code = code
  }
}
