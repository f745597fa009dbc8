import type { IncomingHttpHeaders } from 'node:http'

/**
 * For how many seconds a reply may be kept (RFC 9111 sections 4.2 and 5.2.2), 0 for not at all.
 *
 * @returns undefined where it does not say
 */
export function maxAgeOf(headers: IncomingHttpHeaders): number | undefined {
  const directives = (headers['cache-control'] ?? '').toLowerCase().split(',')
  const words = directives.map((directive) => directive.trim())
  if (words.some((word) => /^(?:no-store|no-cache)\b/.test(word))) return 0
  const seconds = words.map((word) => /^max-age="?([0-9]{1,9})"?$/.exec(word)?.[1]).find((found) => found !== undefined)
  if (seconds === undefined) return undefined
  const age = /^[0-9]{1,9}$/.test(headers.age ?? '') ? Number(headers.age) : 0
  return Math.max(0, Number(seconds) - age)
}
