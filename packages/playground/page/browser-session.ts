import { type Client, createClient } from '@pawl/client'
import { cookieNames, parseSessionState, type SessionState } from '@pawl/protocol'
import { type Answer, decodeClaims, readAnswer } from './requests.ts'
import { numberMember, type Settings, textMember } from './settings.ts'
import { explainRefresh, type Verdict } from './verdict.ts'

/** What may be shown of the access token in this page's memory. */
export interface AccessView {
  readonly claims: Readonly<Record<string, unknown>>
  /** Milliseconds by `performance.now`; so are the next two. */
  readonly expiresAt: number
  /** From when on the server would rather see it renewed. */
  readonly refreshAt: number
  readonly lifetime: number
}

/** A request to `/auth` that the client made, with what came of it. */
export type AuthRequest =
  | {
      readonly kind: 'refresh'
      readonly presented: number
      readonly answered: number | undefined
      readonly attempt: string
      readonly verdict: Verdict
    }
  | { readonly kind: 'other'; readonly path: string; readonly answer: Answer }

/** This browser's session: `@pawl/client`, and what can be seen around it. */
export interface BrowserSession {
  readonly client: Client
  /** The readable cookie beside the refresh cookie: all that a script can know of it. */
  readonly state: () => SessionState | undefined
  readonly access: () => AccessView | undefined
  /** `performance.now` of the last step that this page knows of. */
  readonly steppedAt: () => number | undefined
  /** Drops the view of the access token, once the session is over. */
  readonly forget: () => void
  /** Holds the next request to refresh back, just before it is sent, until the gate opens. */
  readonly holdRefresh: (gate: () => Promise<void>) => void
}

/** Makes the client, with a fetch that looks at what passes through it. The client itself is used as anybody would. */
export function openBrowserSession(settings: Settings, seen: (request: AuthRequest) => void): BrowserSession {
  const { base, clientId, issuer } = settings
  const stateCookie = cookieNames(issuer.startsWith('https:')).state
  const windowMilliseconds = settings.raceWindowSeconds * 1000
  const spent = new Map<number, { readonly at: number; readonly attempt: string }>()
  let access: AccessView | undefined
  let known: SessionState | undefined
  let steppedAt: number | undefined
  let gate: (() => Promise<void>) | undefined

  const state = (): SessionState | undefined => {
    const standing = readState(stateCookie)
    if (standing?.sessionId !== known?.sessionId) {
      spent.clear()
      steppedAt = undefined
    } else if (standing !== undefined && known !== undefined && standing.generation > known.generation) {
      // Whoever moved it, this page or another tab: this is when the page learned of it.
      steppedAt = performance.now()
      if (!spent.has(known.generation)) spent.set(known.generation, { at: steppedAt, attempt: '' })
    }
    known = standing
    return standing
  }

  const watched: typeof globalThis.fetch = async (input, init) => {
    const path = new URL(input instanceof Request ? input.url : input, location.href).pathname
    if (!path.startsWith(`${base}/auth/`)) return fetch(input, init)
    if (path === `${base}/auth/refresh` && gate !== undefined) {
      const open = gate
      gate = undefined
      await open()
    }
    const before = state()
    const attempt = attemptOf(init?.body)
    const sentAt = performance.now()
    let reply: Response
    try {
      reply = await fetch(input, init)
    } catch (fault) {
      report(path, before, attempt, sentAt, await readAnswer(undefined))
      throw fault
    }
    report(path, before, attempt, sentAt, await readAnswer(reply.clone()))
    return reply
  }

  const report = (path: string, before: SessionState | undefined, attempt: string, sentAt: number, answer: Answer) => {
    takeAccess(answer)
    if (path !== `${base}/auth/refresh` || before === undefined) {
      state()
      return seen({ kind: 'other', path: path.slice(base.length), answer })
    }
    const current = known?.sessionId === before.sessionId ? known.generation : before.generation
    const earlier = new Map(spent)
    const answered = answer.status === 200 ? state()?.generation : undefined
    // Another tab's reply may have moved the jar on after it was read and before the request left.
    const presented = Math.max(before.generation, (answered ?? 0) - 1)
    const superseded = earlier.get(presented)
    if (answered !== undefined && superseded === undefined) spent.set(presented, { at: performance.now(), attempt })
    const verdict = explainRefresh({
      presented,
      current,
      answered,
      status: answer.status,
      error: answer.error,
      reason: answer.reason,
      supersededFor: superseded === undefined ? undefined : sentAt - superseded.at,
      sameAttempt: attempt !== '' && superseded?.attempt === attempt,
      windowMilliseconds,
    })
    seen({ kind: 'refresh', presented, answered, attempt, verdict })
  }

  const takeAccess = ({ status, body }: Answer) => {
    const token = textMember(body, 'access_token')
    const expiresIn = numberMember(body, 'expires_in')
    const refreshIn = numberMember(body, 'refresh_in') ?? expiresIn
    if (status >= 300 || token === undefined || expiresIn === undefined || refreshIn === undefined) return
    const now = performance.now()
    access = {
      claims: decodeClaims(token),
      expiresAt: now + expiresIn * 1000,
      refreshAt: now + refreshIn * 1000,
      lifetime: expiresIn * 1000,
    }
  }

  return {
    // The page is there to show what becomes of tabs that do not wait for each other.
    client: createClient({ issuer, clientId, access: 'memory', coordinate: false, fetch: watched }),
    state,
    access: () => access,
    steppedAt: () => steppedAt,
    forget: () => {
      access = undefined
    },
    holdRefresh: (next) => {
      gate = next
    },
  }
}

function readState(name: string): SessionState | undefined {
  for (const pair of document.cookie.split('; ')) {
    const separator = pair.indexOf('=')
    if (pair.slice(0, separator) === name) return parseSessionState(pair.slice(separator + 1))
  }
  return undefined
}

/** The attempt id that a request to refresh carries, if any. */
function attemptOf(body: RequestInit['body']): string {
  if (typeof body !== 'string') return ''
  try {
    return textMember(JSON.parse(body), 'attempt_id') ?? ''
  } catch {
    return ''
  }
}
