import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { urlForTest } from './postgres-fixture.ts'

/** What becomes of a connection at the statement that a test has picked. */
export type Fault = 'request-lost' | 'reply-lost'

/** A way to the database that sees every statement, and can break. */
export interface MessageProxy {
  readonly url: string
  /** The statements that were sent for execution so far, in order, with their names where they are kept prepared. */
  readonly statements: () => readonly { readonly name: string; readonly text: string }[]
  /** Forgets those. */
  readonly forget: () => void
  /** Breaks the connection at the next statement of a pattern: before it arrives, or after it was done. */
  readonly breakAt: (pattern: RegExp, fault: Fault) => void
  /** How often that has happened. */
  readonly breaks: () => number
}

/** What a proxy pretends to be. */
export interface ProxyKind {
  /** A pooler: the number of the server's process is not told, and settings at the start of a connection are refused. */
  readonly pooler?: boolean
}

/** Takes a stream apart into messages: a type byte (none at first), a length, a body. */
function messageReader(take: (type: string, body: Buffer, whole: Buffer) => void, startsUntyped: boolean) {
  let pending = Buffer.alloc(0)
  let untyped = startsUntyped
  return (chunk: Buffer): void => {
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      const head = untyped ? 0 : 1
      if (pending.length < head + 4) return
      const length = head + pending.readInt32BE(head)
      if (pending.length < length) return
      const whole = pending.subarray(0, length)
      pending = pending.subarray(length)
      const type = untyped ? 'startup' : String.fromCharCode(whole[0] ?? 0)
      untyped = false
      take(type, whole.subarray(head + 4), whole)
    }
  }
}

function texts(body: Buffer): readonly string[] {
  return body.toString('utf8').split('\0')
}

/** What PgBouncer says of a parameter that it does not know. */
function refusal(): Buffer {
  const fields = 'SFATAL\0C08P01\0Munsupported startup parameter: options\0\0'
  const message = Buffer.alloc(5 + fields.length)
  message.write('E', 0)
  message.writeInt32BE(4 + fields.length, 1)
  message.write(fields, 5)
  return message
}

/** A proxy in front of the test database, until the test is over. */
export async function proxyForTest(kind: ProxyKind = {}): Promise<MessageProxy> {
  const target = new URL(urlForTest())
  const sent: { name: string; text: string }[] = []
  const sockets = new Set<Socket>()
  let fault: { readonly pattern: RegExp; readonly fault: Fault } | undefined
  let breaks = 0

  function serve(client: Socket): void {
    const server = connect(Number(target.port || 5432), target.hostname)
    const prepared = new Map<string, string>()
    let bound = ''
    let losesReply = false
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }

    function breakHere(): void {
      breaks += 1
      client.destroy()
      server.destroy()
    }

    /** False: the connection is gone. */
    function executes(name: string, text: string): boolean {
      sent.push({ name, text })
      if (fault === undefined || !fault.pattern.test(text)) return true
      const lost = fault.fault
      fault = undefined
      losesReply = lost === 'reply-lost'
      if (lost === 'request-lost') breakHere()
      return losesReply
    }

    function goesOn(type: string, body: Buffer): boolean {
      const [first = '', second = ''] = texts(body)
      if (type === 'startup' && kind.pooler && body.includes('\0options\0')) {
        client.end(refusal())
        return false
      }
      if (type === 'P') prepared.set(first, second)
      if (type === 'B') bound = second
      if (type === 'Q') return executes('', first)
      return type !== 'E' || executes(bound, prepared.get(bound) ?? '')
    }

    client.on(
      'data',
      messageReader((type, body, whole) => {
        if (goesOn(type, body)) server.write(whole)
      }, true),
    )
    server.on(
      'data',
      messageReader((type, _, whole) => {
        if (type === 'Z' && losesReply) breakHere()
        if (losesReply) return
        if (type === 'K' && kind.pooler) whole.writeInt32BE(123_456_789, 5)
        client.write(whole)
      }, false),
    )
  }

  const listener = createServer(serve)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => listener.close(resolve))
  })
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
  const url = new URL(target)
  url.host = `127.0.0.1:${address.port}`
  return {
    url: url.href,
    statements: () => [...sent],
    forget: () => {
      sent.length = 0
    },
    breakAt: (pattern, how) => {
      fault = { pattern, fault: how }
    },
    breaks: () => breaks,
  }
}
