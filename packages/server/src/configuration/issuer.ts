import { isIP } from 'node:net'
import { getDomain } from 'tldts'
import type { IssuerParts } from './settings.ts'

/** What {@link readIssuer} found: the parts, or what is wrong as a clause that follows the setting's name. */
export type IssuerReading =
  | { readonly ok: true; readonly parts: IssuerParts }
  | { readonly ok: false; readonly reason: string }

/**
 * Reads an issuer (RFC 8414 section 2, with http for loopback and development). The host comes out in lower case, a
 * default port is left out, and one trailing slash is dropped, so that `https://id.example/` and `https://id.example`
 * are one issuer. The path keeps to letters, digits and `- . _ ~`, for it becomes the Path of a cookie and the
 * prefix of every route.
 */
export function readIssuer(text: string): IssuerReading {
  const refuse = (reason: string): IssuerReading => ({ ok: false, reason })
  if (!/^https?:\/\//i.test(text)) return refuse('is not an absolute http or https URL')
  if (text.includes('?')) return refuse('has a query')
  if (text.includes('#')) return refuse('has a fragment')
  const path = text.replace(/^https?:\/\/[^/]*/i, '').replace(/\/$/, '')
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return refuse('is not a URL')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || text.includes('@')) return refuse('has credentials')
  if (/\/(\.|%2e){1,2}(\/|$)/i.test(path)) return refuse('has a dot segment in its path')
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(path))
    return refuse('has a path with an empty segment or a character that needs escaping')
  if (path.length > 200) return refuse('has a path of more than 200 characters')
  const { origin, hostname } = url
  if (hostname === '0.0.0.0' || hostname === '[::]')
    return refuse('names an address to listen on, which nobody can visit')
  return {
    ok: true,
    parts: { issuer: origin + path, origin, hostname, basePath: path, secure: url.protocol === 'https:' },
  }
}

/**
 * Reads an origin as browsers send it: scheme, host and perhaps a port. Undefined for `null`, for wildcards, for a path
 * (one trailing slash included) and for everything that a browser would spell differently.
 */
export function readOrigin(text: string): string | undefined {
  if (!/^https?:\/\//.test(text) || text.includes('*') || !URL.canParse(text)) return undefined
  return new URL(text).origin === text ? text : undefined
}

/** Whether a host (IPv6 in brackets) can only be this machine: `localhost`, names below it, 127.0.0.0/8 and ::1. */
export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]') return true
  return isIP(hostname) === 4 && hostname.startsWith('127.')
}

/**
 * Whether browsers count two origins as one site: same scheme, and the same registrable domain by the public suffix
 * list, its private part included; hosts without one (localhost, addresses) must be equal. Ports do not matter.
 */
export function isSameSite(one: string, other: string): boolean {
  const [first, second] = [new URL(one), new URL(other)]
  if (first.protocol !== second.protocol) return false
  if (first.hostname === second.hostname) return true
  const domain = getDomain(first.hostname, { allowPrivateDomains: true })
  return domain !== null && domain === getDomain(second.hostname, { allowPrivateDomains: true })
}
