const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const parameterOrScheme = new RegExp(
  `(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))|(${token})(?=[\\s,]|$)`,
  'g',
)

/**
 * Finds the Bearer challenge among those of a `WWW-Authenticate` header (RFC 9110 section 11.6.1, RFC 6750 section 3).
 *
 * @returns undefined when there is none; otherwise its `error`, which is undefined when the request carried no token
 */
export function readBearerChallenge(header: string | null): { readonly error: string | undefined } | undefined {
  let scheme: string | undefined
  let challenge: { error: string | undefined } | undefined
  for (const [, name, quoted, plain, word] of (header ?? '').matchAll(parameterOrScheme)) {
    if (word !== undefined) {
      scheme = word.toLowerCase()
      if (scheme === 'bearer') challenge ??= { error: undefined }
    } else if (scheme === 'bearer' && challenge !== undefined && name?.toLowerCase() === 'error') {
      challenge.error ??= quoted ?? plain
    }
  }
  return challenge
}
