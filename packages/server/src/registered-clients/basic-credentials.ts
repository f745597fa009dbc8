/** Client id and secret as the `Authorization` header gave them. */
export interface BasicCredentials {
  readonly id: string
  readonly secret: string
}

/**
 * Reads `Authorization: Basic` as RFC 6749 section 2.3.1 has it: base64 of the form-urlencoded id, a colon, and the
 * form-urlencoded secret (standards CA-2).
 *
 * @returns undefined for another scheme and for whatever is not of that form
 */
export function readBasicCredentials(authorization: string): BasicCredentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.toString('base64') !== encoded) return undefined
  const pair = decodeUtf8(bytes)
  const colon = pair?.indexOf(':') ?? -1
  if (pair === undefined || colon === -1) return undefined
  const id = decodeFormComponent(pair.slice(0, colon))
  const secret = decodeFormComponent(pair.slice(colon + 1))
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function decodeFormComponent(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
