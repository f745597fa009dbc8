import { decodeBase64url, encodeBase64url } from '@pawl/protocol'
import { isRecord } from '../token-reply.ts'
import { type BffSession, readBffSession } from './bff-session.ts'
import { secretUse } from './seal.ts'
import type { SessionKeepingChoice } from './session-keeping.ts'

const shortestSecret = 32
const attemptBytes = 16
/** Browsers drop a cookie whose name and value are longer than 4,096 octets (standards CK-2). */
const longestValue = 3900

/**
 * Keeps each session in the cookie of its browser, encrypted under a secret of the application: for servers that have no
 * store, such as functions. The cookie changes at every renewal, so a renewal needs an answer that can set it.
 *
 * With the tokens goes the attempt id of their next renewal, drawn when they were sealed: whoever shows this cookie sends
 * that id, so an answer that comes late, or puts an older cookie back, costs nobody the session.
 *
 * @param secrets secrets of the application, newest first, each base64url of 32 or more random bytes. The first seals; all
 *   open, so that one can be replaced without signing anybody out
 * @throws TypeError for secrets that are missing or too short
 */
export function sealedSessions(secrets: readonly string[]): SessionKeepingChoice {
  const keys = secrets.map((text) => {
    const secret = decodeBase64url(text)
    if (secret === undefined || secret.byteLength < shortestSecret) {
      throw new TypeError('each of secrets has to be base64url of 32 or more random bytes')
    }
    return secret
  })
  if (keys.length === 0) throw new TypeError('secrets has to hold at least one')
  return ({ random, now }) => {
    /** Sessions that were signed out here, until no access token of theirs is good any more. */
    const signedOut = new Map<string, number>()
    const uses = keys.map((secret) => secretUse(secret, 'bff cookie', random))
    const seal = async (session: BffSession) => {
      const value = await uses[0]?.seal({ session, attempt: encodeBase64url(random(attemptBytes)) })
      // An oversized cookie would be dropped by the browser without a word, and its user with it.
      if (value === undefined || value.length > longestValue) {
        throw new Error('the session is too large for a cookie: shrink the claims, or keep sessions in a store')
      }
      return value
    }
    const open = async (value: string) => {
      for (const use of uses) {
        const opened = await use.open(value)
        if (isRecord(opened)) return opened
      }
      return undefined
    }
    return {
      add: seal,
      find: async (value) => {
        const session = readBffSession((await open(value))?.['session'])
        // A late answer can put the cookie of a session back that was signed out (T16.1).
        return session?.kind === 'live' && signedOut.has(session.sessionId) ? undefined : session
      },
      attemptFor: async (value) => {
        const attempt = (await open(value))?.['attempt']
        return typeof attempt === 'string' ? attempt : undefined
      },
      replace: (_value, session) => seal(session),
      remove: async (value) => {
        const session = readBffSession((await open(value))?.['session'])
        for (const [sessionId, until] of signedOut) if (until <= now()) signedOut.delete(sessionId)
        if (session?.kind !== 'live') return
        // Twice the lifetime, since a renewal may have been under way; after that the issuer refuses to renew it.
        signedOut.set(session.sessionId, 2 * session.expiresAt - session.receivedAt)
      },
    }
  }
}
