import { decodeBase64url, type Octets, viewBase64url } from './base64url.ts'
import { parseJsonObject } from './json-object.ts'

/** A JWT in JWS compact serialization, taken apart and not yet believed: nothing here has been verified. */
export interface CompactJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** What the signature covers: the first two parts with the dot between them, ASCII (RFC 7515 section 5.2). */
  readonly signingInput: string
  readonly signature: Octets
}

const longest = 16_384

/** `fatal` refuses what is not UTF-8; `ignoreBOM` keeps a byte order mark in the text, where JSON refuses it. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a signed JWT apart (RFC 7515 section 5.2, RFC 7519 section 7.2), strictly, so that no two strings mean the
 * same token: exactly three non-empty parts of canonical base64url, at most 16,384 characters, header and payload
 * JSON objects in valid UTF-8 without a repeated member name and nested at most 32 deep (standards JW-1, JW-4).
 *
 * @returns undefined when the token is not of that form. A result says nothing about who made the token.
 */
export function parseCompactJws(token: string): CompactJws | undefined {
  if (token.length > longest) return undefined
  const headerEnd = token.indexOf('.')
  const payloadEnd = token.indexOf('.', headerEnd + 1)
  if (headerEnd < 1 || payloadEnd < headerEnd + 2 || payloadEnd === token.length - 1) return undefined
  // A third dot ends up in the signature part, where it is no base64url character.
  const signature = decodeBase64url(token.slice(payloadEnd + 1))
  if (signature === undefined) return undefined
  const header = parseHeader(token.slice(0, headerEnd))
  if (header === undefined) return undefined
  const payload = parsePart(token.slice(headerEnd + 1, payloadEnd))
  if (payload === undefined) return undefined
  return { header, payload, signingInput: token.slice(0, payloadEnd), signature }
}

/** The header that was read last, frozen: the tokens of one key all have it, so there is nearly always nothing to read. */
let lastHeader: { readonly part: string; readonly header: Readonly<Record<string, unknown>> } | undefined

function parseHeader(part: string): Readonly<Record<string, unknown>> | undefined {
  if (lastHeader?.part === part) return lastHeader.header
  const header = parsePart(part)
  if (header !== undefined) lastHeader = { part, header: Object.freeze(header) }
  return header
}

function parsePart(part: string): Record<string, unknown> | undefined {
  const bytes = viewBase64url(part)
  if (bytes === undefined) return undefined
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return undefined
  }
  return parseJsonObject(text)
}
