import { connect, type Socket } from 'node:net'

/** A connection over which one request after the other is sent, each once the answer to the one before has come. */
export interface Connection {
  /** Sends a whole request, head and body, and resolves with the answer. */
  readonly send: (request: string) => Promise<Answer>
  /** Whether the other side has closed it; servers do that with those that nobody uses. */
  readonly isClosed: () => boolean
  readonly close: () => void
}

/** An answer; header names and values as they came. */
export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** No server takes this long to answer, in milliseconds. */
const longestSilence = 30_000

const separator = '\r\n\r\n'

/**
 * Opens a connection for HTTP/1.1. It reads no more of an answer than it needs to find its end: Node's own client takes
 * as much processor time for a request as a fast server does, and then it is the client that is measured.
 */
export async function openConnection(port: number): Promise<Connection> {
  const socket = await connected(port)
  let received = ''
  let waiting: PromiseWithResolvers<Answer> | undefined

  socket.setEncoding('latin1')
  socket.setTimeout(longestSilence)
  socket.on('timeout', () => {
    if (waiting !== undefined) socket.destroy(new Error('the server did not answer'))
  })
  socket.on('data', (text: string) => {
    received += text
    const answer = completed(received)
    if (answer === undefined || waiting === undefined) return
    received = ''
    const { resolve } = waiting
    waiting = undefined
    resolve(answer)
  })
  const fail = (error: Error) => waiting?.reject(error)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))

  return {
    async send(request) {
      if (socket.destroyed) throw new Error('the server has closed the connection')
      waiting = Promise.withResolvers<Answer>()
      socket.write(request, 'latin1')
      return waiting.promise
    },
    isClosed: () => socket.destroyed || socket.readableEnded,
    close: () => socket.destroy(),
  }
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** The answer that a text is, or undefined as long as its end has not come. */
function completed(text: string): Answer | undefined {
  const end = text.indexOf(separator)
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const rest = text.slice(end + separator.length)
  const body = bodyOf(head, rest)
  return body === undefined ? undefined : { status: Number(head.slice(9, 12)), head, body }
}

function bodyOf(head: string, rest: string): string | undefined {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return rest.length < Number(length) ? undefined : rest
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return ''
  let body = ''
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at)
    if (line < 0) return undefined
    const size = Number.parseInt(rest.slice(at, line), 16)
    const from = line + 2
    if (rest.length < from + size + 2) return undefined
    if (size === 0) return body
    body += rest.slice(from, from + size)
    at = from + size + 2
  }
}
