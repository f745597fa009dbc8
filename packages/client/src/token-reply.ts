import type { CookieTokenReply, UserDocument } from '@pawl/protocol'

/** What the client takes from a reply of the server: these fields and no others, so that nothing secret sticks. */
export interface TokenReply {
  readonly sessionId: string
  readonly user: UserDocument
  /** Until the access token expires, in seconds from when the request was sent, at the earliest. */
  readonly expiresIn: number
  /** Until it had better be renewed; not later than `expiresIn`. */
  readonly refreshIn: number
  /** Undefined: it lives in an HttpOnly cookie. */
  readonly accessToken: string | undefined
}

/** Reads the reply to a sign-in or refresh; undefined when it is none. */
export function readTokenReply(document: unknown): TokenReply | undefined {
  const holder = readSessionHolder(document)
  if (holder === undefined || !isRecord(document)) return undefined
  const { expires_in, refresh_in, access_token }: Untrusted<CookieTokenReply> = document
  if (typeof expires_in !== 'number') return undefined
  return {
    ...holder,
    expiresIn: expires_in,
    refreshIn: typeof refresh_in === 'number' ? Math.min(refresh_in, expires_in) : expires_in,
    accessToken: typeof access_token === 'string' ? access_token : undefined,
  }
}

/** Reads what replies with tokens and the session document have in common: whose session it is. */
export function readSessionHolder(document: unknown): Pick<TokenReply, 'sessionId' | 'user'> | undefined {
  if (!isRecord(document)) return undefined
  const { session_id, user }: Untrusted<CookieTokenReply> = document
  if (typeof session_id !== 'string' || !isRecord(user)) return undefined
  const { id, username, roles }: Untrusted<UserDocument> = user
  if (typeof id !== 'string' || typeof username !== 'string' || !Array.isArray(roles)) return undefined
  return { sessionId: session_id, user: { id, username, roles: roles.filter((role) => typeof role === 'string') } }
}

/** The members of a document as far as its sender is believed: they may be there. */
export type Untrusted<Document> = { readonly [Name in keyof Document]?: unknown }

/** Whether a parsed JSON value is an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
