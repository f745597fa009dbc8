/**
 * Whether a request is made on suspicion that its answer may be wanted: by the browser (`Sec-Purpose`, and what came before
 * it), or by a router such as that of Next.js.
 */
export function isPrefetch(headers: Pick<Headers, 'get'>): boolean {
  if (headers.get('Next-Router-Prefetch') !== null || headers.get('Next-Router-Segment-Prefetch') !== null) return true
  return ['Sec-Purpose', 'Purpose', 'X-Moz'].some((name) => /\bprefetch\b/i.test(headers.get(name) ?? ''))
}
