const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const parameterOrScheme = new RegExp(
  `(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))|(${token})(?=[\\s,]|$)`,
  'g',
)

/** What a resource server says about an access token. */
export interface BearerChallenge {
  readonly error: string | undefined
  readonly reason: string | undefined
}

/**
 * Finds the Bearer challenge among those of a `WWW-Authenticate` header (RFC 9110 section 11.6.1, RFC 6750 section 3).
 *
 * @returns undefined when there is none; otherwise its `error`, which is undefined when the request carried no token, and
 *   the `reason` that Pawl's verifiers give
 */
export function readBearerChallenge(header: string | null): BearerChallenge | undefined {
  let scheme: string | undefined
  let challenge: { error: string | undefined; reason: string | undefined } | undefined
  for (const [, name, quoted, plain, word] of (header ?? '').matchAll(parameterOrScheme)) {
    if (word !== undefined) {
      scheme = word.toLowerCase()
      if (scheme === 'bearer') challenge ??= { error: undefined, reason: undefined }
    } else if (scheme === 'bearer' && challenge !== undefined) {
      const parameter = name?.toLowerCase()
      if (parameter === 'error' || parameter === 'reason') challenge[parameter] ??= quoted ?? plain
    }
  }
  return challenge
}
