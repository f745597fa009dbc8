import type { BodyTokenReply, UserDocument } from '@pawl/protocol'

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
  /** Undefined: so does it. */
  readonly refreshToken: string | undefined
}

/** Reads the reply to a sign-in or refresh; undefined when it is none. */
export function readTokenReply(document: unknown): TokenReply | undefined {
  const holder = readSessionHolder(document)
  if (holder === undefined || !isRecord(document)) return undefined
  const { expires_in, refresh_in, access_token, refresh_token }: Untrusted<BodyTokenReply> = document
  if (typeof expires_in !== 'number') return undefined
  return {
    ...holder,
    expiresIn: expires_in,
    refreshIn: typeof refresh_in === 'number' ? Math.min(refresh_in, expires_in) : expires_in,
    accessToken: readText(access_token),
    refreshToken: readText(refresh_token),
  }
}

/** Reads what replies with tokens and the session document have in common: whose session it is. */
export function readSessionHolder(document: unknown): Pick<TokenReply, 'sessionId' | 'user'> | undefined {
  if (!isRecord(document)) return undefined
  const { session_id, user: person }: Untrusted<BodyTokenReply> = document
  const user = readUser(person)
  return typeof session_id !== 'string' || user === undefined ? undefined : { sessionId: session_id, user }
}

/** Reads a user; undefined when it is none. */
export function readUser(document: unknown): UserDocument | undefined {
  if (!isRecord(document)) return undefined
  const { id, username, roles }: Untrusted<UserDocument> = document
  if (typeof id !== 'string' || typeof username !== 'string' || !Array.isArray(roles)) return undefined
  return { id, username, roles: roles.filter((role) => typeof role === 'string') }
}

/** A text; undefined when it is none. */
export function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The members of a document as far as its sender is believed: they may be there. */
export type Untrusted<Document> = { readonly [Name in keyof Document]?: unknown }

/** Whether a parsed JSON value is an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
