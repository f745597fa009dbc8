import type { DrawnFault, FaultName } from './faults.ts'

/** What goes wrong inside the issuer while it works on one request. */
export interface InnerFault {
  readonly fault: Extract<FaultName, 'delay-commit' | 'kill-after-commit' | 'store-away'>
  readonly milliseconds: number
}

/** Hands a request to the issuer's node, which may fail in its own way. */
export type AnswerRequest = (request: Request, inner?: InnerFault) => Promise<Response>

/** What a fault makes use of. */
export interface FaultSurroundings {
  readonly answer: AnswerRequest
  /** Waits that many milliseconds of the test clock. */
  readonly delay: (milliseconds: number) => Promise<void>
  /** Waits for the answer to the next request to the same endpoint. */
  readonly overtaken: () => Promise<void>
  /** Fires when the sender no longer waits. */
  readonly signal: AbortSignal
}

/** Takes a request to the issuer and its answer back, through the fault that was drawn for it. */
export async function meetFault(
  { fault, milliseconds }: DrawnFault,
  request: Request,
  { answer, delay, overtaken, signal }: FaultSurroundings,
): Promise<Response> {
  if (typeof fault === 'function') return await fault(request, () => answer(request))
  switch (fault) {
    case 'none':
      return await answer(request)
    case 'drop-request':
      throw connectionLost(fault)
    case 'drop-reply':
      await answer(request)
      throw connectionLost(fault)
    case 'delay-request':
      await delay(milliseconds)
      // Whoever hangs up takes back what has not arrived.
      if (signal.aborted) throw connectionLost(fault)
      return await answer(request)
    case 'delay-reply': {
      const reply = await answer(request)
      await delay(milliseconds)
      return reply
    }
    case 'duplicate': {
      const [first] = await Promise.allSettled([answer(request.clone()), answer(request)])
      if (first.status === 'rejected') throw first.reason
      return first.value
    }
    case 'reorder': {
      const reply = await answer(request)
      // Nobody may come; a sender without a deadline would then wait for ever.
      await Promise.race([overtaken(), delay(milliseconds)])
      return reply
    }
    case 'delay-commit':
    case 'kill-after-commit':
    case 'store-away':
      return await answer(request, { fault, milliseconds })
    case 'html':
      return portalPage()
  }
}

/** What `fetch` rejects with when the connection is gone; the cause tells a test's author which fault it was. */
export function connectionLost(why: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(`@pawl/test-kit: ${why}`) })
}

function portalPage(): Response {
  const headers = { 'Content-Type': 'text/html; charset=utf-8' }
  return new Response('<!doctype html><title>Welcome</title><p>Accept the terms to go online.', { headers })
}
