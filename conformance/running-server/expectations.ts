import { type ErrorCode, errorTable, type RefusalReason, refusalReasons } from '@pawl/protocol'
import { expect } from 'vitest'
import type { Reply } from './http-request.ts'
import { errorReply } from './replies.ts'

/**
 * Holds a reply against the error table: status, code, text and reason, the request id, and that it is stored nowhere.
 *
 * @param reason undefined: the reply must name none
 */
export function expectRefusal(reply: Reply, error: ErrorCode, reason?: RefusalReason): void {
  const body = reply.read(errorReply)
  const row = errorTable[error]
  expect({ status: reply.status, ...body }).toEqual({
    status: row.status,
    error,
    error_description: row.description,
    request_id: body.request_id,
    ...(reason !== undefined && { reason }),
  })
  if (reason !== undefined) expect(refusalReasons).toHaveProperty(reason)
  expect(reply.headers.get('content-type')).toMatch(/^application\/json\b/)
  expect(reply.headers.get('x-request-id')).toBe(body.request_id)
  expectNotStored(reply)
}

/** That neither browsers nor shared caches keep a reply (T14.1, G-4). */
export function expectNotStored(reply: Reply): void {
  expect(reply.headers.get('cache-control')).toBe('private, no-store')
  expect(reply.headers.get('cdn-cache-control')).toBe('no-store')
}
