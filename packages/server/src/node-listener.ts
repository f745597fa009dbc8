import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { getRequestListener, RequestError } from '@hono/node-server'
import { type ErrorCode, errorTable, type RefusalReason, revocationHeartbeatMilliseconds } from '@pawl/protocol'

/** What a Pawl server is to a runtime: a web-standard handler that may be told where a request came from. */
export type FetchHandler = (request: Request, connection?: { readonly remoteAddress?: string }) => Promise<Response>

/** A handler for Node's own HTTP servers and everything built on them. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Where problems of the transport are told; a pino logger fits. */
export interface TransportLog {
  readonly error: (facts: Readonly<Record<string, unknown>>, message: string) => void
}

/** Options of {@link listen}. */
export interface ListenOptions {
  readonly fetch: FetchHandler
  /** Address or name to listen on. */
  readonly host: string
  /** TCP port; 0 lets the system choose. */
  readonly port: number
  readonly logger?: TransportLog
}

/** A server that accepts connections. */
export interface Listener {
  /** The port it listens on, also where the system chose it. */
  readonly port: number
  /**
   * Stops accepting connections, closes idle ones, lets requests under way finish, and cuts off what is left. Further
   * calls return the same promise.
   *
   * @param options.drainMilliseconds how long to wait for requests under way; default 10,000
   */
  readonly close: (options?: { readonly drainMilliseconds?: number }) => Promise<void>
}

const limits = {
  /** Of all request headers together, in bytes. Our cookies keep below 2 KB. */
  maxHeaderSize: 16 * 1024,
  /** A client has this long to send its headers, in milliseconds, so that slow ones cannot hold connections. */
  headersTimeout: 10_000,
  /** And this long to send the whole request. */
  requestTimeout: 20_000,
  /** How often the two are looked at. */
  connectionsCheckingInterval: 5_000,
  /** Longer than the usual idle timeout of proxies (60 s), for whoever closes first loses a request to the other. */
  keepAliveTimeout: 75_000,
} as const

/**
 * Listens for HTTP/1.1 on a port. TLS is left to a proxy in front. The process is taken to be the server's own: the
 * global `Request` and `Response` are replaced by lighter ones that behave alike, which saves a third of the transport's
 * work. An application with plans of its own for them mounts {@link toNodeHandler} instead.
 *
 * @returns once connections are accepted
 * @throws the system's error, such as `EADDRINUSE`, when the address cannot be had
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const server = createServer({ ...limits }, nodeHandler(options.fetch, options.logger, { replaceGlobals: true }))
  const underWay = new Set<ServerResponse>()
  server.prependListener('request', (_request, response) => {
    underWay.add(response)
    if (!server.listening) endConnectionAfter(response)
    response.once('close', () => {
      underWay.delete(response)
      // A connection that has just become idle would otherwise hold the drain until its keep-alive ends.
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', (error) => options.logger?.error({ error }, 'the listening socket failed'))
  const address = server.address()
  let closing: Promise<void> | undefined
  return {
    port: address !== null && typeof address === 'object' ? address.port : options.port,
    close: ({ drainMilliseconds = 10_000 } = {}) => {
      closing ??= drain(server, underWay, drainMilliseconds)
      return closing
    },
  }
}

function endConnectionAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

async function drain(server: Server, underWay: ReadonlySet<ServerResponse>, milliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  for (const response of underWay) endConnectionAfter(response)
  const cut = setTimeout(() => server.closeAllConnections(), milliseconds)
  await closed
  clearTimeout(cut)
}

/**
 * Makes a handler for Node's HTTP servers out of a fetch handler.
 *
 * - `node:http`: `createServer(toNodeHandler(pawl.fetch))`
 * - Express 5: `app.use('/id', toNodeHandler(pawl.fetch))`, before any body parser; the issuer ends in `/id`
 * - Fastify 5: in a plugin of its own whose only content type parser leaves the body alone, so that Pawl can read it:
 *   `scope.removeAllContentTypeParsers()`, `scope.addContentTypeParser('*', (_request, _body, done) => done(null))`,
 *   `scope.all('/id/*', (request, reply) => { reply.hijack(); handler(request.raw, reply.raw) })`
 *
 * The path is the one that the client asked for, even where a framework cuts the mount path off `request.url`. A body
 * that something else has read already is answered with 500 and the reason `body_already_read`.
 *
 * @param fetch the handler, `createPawl(…).fetch`
 * @param logger told about requests that cannot be served for a mistake in the mounting
 */
export function toNodeHandler(fetch: FetchHandler, logger?: TransportLog): NodeHandler {
  return nodeHandler(fetch, logger, { replaceGlobals: false })
}

function nodeHandler(
  fetch: FetchHandler,
  logger: TransportLog | undefined,
  { replaceGlobals }: { readonly replaceGlobals: boolean },
): NodeHandler {
  const listener = getRequestListener(
    async (request, { incoming, outgoing }) => {
      const remoteAddress = incoming.socket?.remoteAddress
      const reply = await fetch(request, remoteAddress === undefined ? {} : { remoteAddress })
      // What is left of the body is not read, so the connection can carry no further request: its client must know.
      if (reply.status === 413 && 'shouldKeepAlive' in outgoing) outgoing.shouldKeepAlive = false
      // An answer without an end, of which the other side takes nothing, would hold its connection for ever.
      if (isEventStream(reply)) incoming.socket?.setTimeout(stuckMilliseconds)
      return reply
    },
    {
      // Only HTTP/1.0 has no Host, and nothing is inferred from this name.
      hostname: 'localhost',
      overrideGlobalObjects: replaceGlobals,
      errorHandler: (error) => {
        if (error instanceof RequestError) return refusal('invalid_request', 'malformed_target')
        logger?.error({ error }, 'a request failed outside of every endpoint')
        return refusal('server_error')
      },
    },
  )
  return (request, response) => {
    if (isBodyGone(request)) {
      logger?.error({}, 'a body parser read the request before Pawl could: mount Pawl in front of it')
      void refuse(response, refusal('server_error', 'body_already_read'))
      return
    }
    const mounted = request.url
    request.url = originalUrl(request)
    // The adapter reads the URL before it yields; then the framework gets back what it had put there.
    void listener(request, response)
    if (mounted !== undefined) request.url = mounted
  }
}

/** Seven heartbeats of the revocation feed, which is let go after six that were not taken. */
const stuckMilliseconds = 7 * revocationHeartbeatMilliseconds

function isEventStream(reply: Response): boolean {
  return reply.headers.get('content-type') === 'text/event-stream'
}

/** Express and its kin keep the URL that was asked for beside the one relative to the mount path. */
function originalUrl(request: IncomingMessage): string {
  const kept = 'originalUrl' in request ? request.originalUrl : undefined
  return typeof kept === 'string' ? kept : (request.url ?? '/')
}

/** Whether a request came with a body that somebody has read. Some platforms keep it as `rawBody`, which will do. */
function isBodyGone(request: IncomingMessage): boolean {
  if (!request.readableDidRead || ('rawBody' in request && Buffer.isBuffer(request.rawBody))) return false
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

function refusal(error: ErrorCode, reason?: RefusalReason): Response {
  const { status, description } = errorTable[error]
  const body = { error, error_description: description, ...(reason && { reason }), request_id: randomUUID() }
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } })
}

async function refuse(response: ServerResponse, reply: Response): Promise<void> {
  response.writeHead(reply.status, Object.fromEntries(reply.headers))
  response.end(await reply.text())
}
