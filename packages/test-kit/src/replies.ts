import type { UserDocument } from '@pawl/protocol'

/** Tokens, as the issuer's replies with a body bring them. */
export interface TokenReply {
  readonly accessToken: string
  readonly refreshToken: string
  /** Lifetime of the access token in seconds. */
  readonly expiresIn: number
}

/** Whose session a reply speaks of. */
export interface HolderReply {
  readonly sessionId: string
  readonly user: UserDocument
}

/** What the issuer answered when it refused. */
export interface Refused {
  readonly status: number
  readonly error: string | undefined
  readonly reason: string | undefined
}

/**
 * Reads a reply that has to bring tokens.
 *
 * @throws Error with the issuer's words when it does not: a helper that is to set a test up has nothing to offer then
 */
export async function readTokens(reply: Response, what: string): Promise<{ tokens: TokenReply; document: Members }> {
  const text = await reply.text()
  const document = readMembers(text)
  const { access_token, refresh_token, expires_in } = document
  if (typeof access_token !== 'string' || typeof refresh_token !== 'string' || typeof expires_in !== 'number') {
    throw new Error(`${what} was answered ${reply.status}: ${text}`)
  }
  return { tokens: { accessToken: access_token, refreshToken: refresh_token, expiresIn: expires_in }, document }
}

/** Reads whose session a reply to a sign-in speaks of. */
export function readHolder({ session_id, user }: Members): HolderReply {
  const { id, username, roles } = isMembers(user) ? user : {}
  if (typeof session_id !== 'string' || typeof id !== 'string' || typeof username !== 'string') {
    throw new TypeError('the reply does not say whose session it is')
  }
  const texts = Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : []
  return { sessionId: session_id, user: { id, username, roles: texts } }
}

/** Reads an error reply. */
export async function readRefusal(reply: Response): Promise<Refused> {
  const { error, reason } = readMembers(await reply.text())
  return {
    status: reply.status,
    error: typeof error === 'string' ? error : undefined,
    reason: typeof reason === 'string' ? reason : undefined,
  }
}

/** Members of a JSON object, of which nothing is known. */
export type Members = Readonly<Record<string, unknown>>

function readMembers(text: string): Members {
  try {
    const document: unknown = JSON.parse(text)
    return isMembers(document) ? document : {}
  } catch {
    return {}
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
