import { encodeBase64url } from '@pawl/protocol'
import { type Answer, getWithoutJar, postWithoutJar } from './requests.ts'
import { numberMember, type Settings, textMember } from './settings.ts'
import { explainRefresh, type Verdict } from './verdict.ts'

/** Who may hold a copy of the phone's credential. */
export type HolderName = 'owner' | 'thief' | 'backup'

/** What may be shown of a holder. Never a token: those stay in this module's closures. */
export interface HolderView {
  /** Generation of the refresh token that it holds; undefined: it holds none. */
  readonly generation: number | undefined
  /** First digits of the token's SHA-256. */
  readonly fingerprint: string
  /** Instant of the page's clock at which the access token expires. */
  readonly accessExpiresAt: number | undefined
  /** First characters of the attempt id stored for this generation. */
  readonly attempt: string
}

/** The session of a phone, with everybody who holds a copy of its credential. */
export interface Phone {
  readonly view: (holder: HolderName) => HolderView
  /** What can be seen of the session from outside. */
  readonly standing: () => PhoneStanding
  /** `lose`: the reply is thrown away before the holder reads it. `bare`: without an attempt id. */
  readonly refresh: (holder: HolderName, how?: 'lose' | 'bare') => Promise<Verdict>
  readonly callApi: (holder: HolderName) => Promise<Answer>
  readonly askServer: (holder: HolderName) => Promise<Answer>
  /** Gives a holder a copy of the owner's present refresh and access token; the attempt id stays with the owner. */
  readonly copyTo: (holder: HolderName) => void
}

/** Where the phone's session is. */
export interface PhoneStanding {
  readonly sessionId: string
  readonly generation: number
  /** Instant of the last step. */
  readonly steppedAt: number | undefined
  /** Reason with which the session ended. */
  readonly ended: string | undefined
  /** Instant at which a generation was spent. */
  readonly spentAt: (generation: number) => number | undefined
}

interface Credential {
  readonly refreshToken: string
  readonly generation: number
  readonly accessToken: string
  readonly accessExpiresAt: number
  /** Drawn before the first try to refresh this very generation, and kept until another takes its place. */
  attemptId?: string
}

interface Issued {
  readonly generation: number
  readonly fingerprint: string
}

/** Signs a phone in: a session of its own, whose tokens come in the reply's body. */
export async function signInPhone(
  settings: Settings,
  who: { readonly username: string; readonly password: string },
): Promise<Phone | Answer> {
  const answer = await postWithoutJar(`${settings.base}/auth/login`, {
    ...who,
    client_id: settings.clientId,
    delivery: 'body',
  })
  const first = readCredential(answer.body)
  if (answer.status !== 200 || first === undefined) return answer
  return holdPhone(settings, textMember(answer.body, 'session_id') ?? '', first)
}

async function holdPhone(settings: Settings, sessionId: string, first: Reply): Promise<Phone> {
  const { base } = settings
  const windowMilliseconds = settings.raceWindowSeconds * 1000
  const issued = new Map<string, Issued>([
    [first.refreshToken, { generation: 0, fingerprint: await fingerprintOf(first.refreshToken) }],
  ])
  const spent = new Map<number, { readonly at: number; readonly attemptId: string | undefined }>()
  const held = new Map<HolderName, Credential>([
    ['owner', { ...first, generation: 0 }],
    // The copy that some backup took of the phone's first token.
    ['backup', { ...first, generation: 0 }],
  ])
  let generation = 0
  let ended: string | undefined

  /** The generation of a token that came back, counted by the order in which new ones appear. */
  async function place(refreshToken: string): Promise<number> {
    const known = issued.get(refreshToken)
    if (known !== undefined) return known.generation
    const fingerprint = await fingerprintOf(refreshToken)
    issued.set(refreshToken, { generation: generation + 1, fingerprint })
    return generation + 1
  }

  async function refresh(holder: HolderName, how?: 'lose' | 'bare'): Promise<Verdict> {
    const credential = held.get(holder)
    if (credential === undefined) throw new Error(`${holder} holds nothing`)
    const attemptId = how === 'bare' ? undefined : attemptIdOf(credential)
    const sentAt = Date.now()
    const answer = await postWithoutJar(`${base}/auth/refresh`, {
      refresh_token: credential.refreshToken,
      ...(attemptId !== undefined && { attempt_id: attemptId }),
    })
    const presented = credential.generation
    const before = spent.get(presented)
    const current = generation
    const adopted = await adopt(readCredential(answer.body), { presented, attemptId })
    // A backup is read from, never written to: it goes on holding the first token.
    if (adopted !== undefined && how !== 'lose' && holder !== 'backup') held.set(holder, adopted)
    noteEnd(answer)
    return explainRefresh({
      presented,
      current,
      answered: adopted?.generation,
      status: answer.status,
      error: answer.error,
      reason: answer.reason,
      supersededFor: before === undefined ? undefined : sentAt - before.at,
      sameAttempt: attemptId !== undefined && before?.attemptId === attemptId,
      windowMilliseconds,
    })
  }

  /** Finds the generation of what came back, and notes the step if there was one. */
  async function adopt(
    reply: Reply | undefined,
    request: { readonly presented: number; readonly attemptId: string | undefined },
  ): Promise<Credential | undefined> {
    if (reply === undefined) return undefined
    const answered = await place(reply.refreshToken)
    if (answered > generation) {
      generation = answered
      spent.set(request.presented, { at: Date.now(), attemptId: request.attemptId })
    }
    return { ...reply, generation: answered }
  }

  function noteEnd({ error, reason }: Answer): void {
    if (error === 'invalid_grant' && reason !== 'superseded') ended ??= reason ?? 'unknown'
  }

  return {
    view: (holder) => {
      const credential = held.get(holder)
      return {
        generation: credential?.generation,
        fingerprint: issued.get(credential?.refreshToken ?? '')?.fingerprint ?? '',
        accessExpiresAt: credential?.accessExpiresAt,
        attempt: credential?.attemptId?.slice(0, 6) ?? '',
      }
    },
    standing: () => ({
      sessionId,
      generation,
      steppedAt: spent.get(generation - 1)?.at,
      ended,
      spentAt: (spentGeneration) => spent.get(spentGeneration)?.at,
    }),
    refresh,
    callApi: (holder) => getWithoutJar(`${base}/playground/api/notes`, held.get(holder)?.accessToken),
    askServer: async (holder) => {
      const answer = await getWithoutJar(`${base}/auth/session`, held.get(holder)?.accessToken)
      if (answer.status === 401 && answer.reason !== undefined && !/^(?:expired|malformed)$/.test(answer.reason))
        ended ??= answer.reason
      return answer
    },
    copyTo: (holder) => {
      const credential = held.get('owner')
      if (credential === undefined) return
      const { attemptId: _kept, ...copy } = credential
      held.set(holder, copy)
    },
  }
}

/** The id stored beside the credential, drawn before the first try. */
function attemptIdOf(credential: Credential): string {
  credential.attemptId ??= encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))
  return credential.attemptId
}

interface Reply {
  readonly refreshToken: string
  readonly accessToken: string
  readonly accessExpiresAt: number
}

function readCredential(body: unknown): Reply | undefined {
  const refreshToken = textMember(body, 'refresh_token')
  const accessToken = textMember(body, 'access_token')
  const expiresIn = numberMember(body, 'expires_in')
  if (refreshToken === undefined || accessToken === undefined || expiresIn === undefined) return undefined
  return { refreshToken, accessToken, accessExpiresAt: Date.now() + expiresIn * 1000 }
}

/** Eight hexadecimal digits of SHA-256; a page without a secure context has no hash function and shows none. */
async function fingerprintOf(token: string): Promise<string> {
  if (!isSecureContext) return ''
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)))
  return Array.from(digest.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
