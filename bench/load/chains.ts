import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { userAgent } from '../sessions/typical-session.ts'
import { type Connection, openConnection } from './connection.ts'

/** How a server is asked for the next token of a chain. */
export interface RefreshForm {
  readonly path: string
  readonly type: 'form' | 'json'
  /** What each request says besides the token. */
  readonly fixed: Readonly<Record<string, string>>
  /** Whether each request carries an attempt id, as Pawl's client sends it. */
  readonly attempts: boolean
}

/** A walk of some of the sessions. */
export interface Walk {
  readonly form: RefreshForm
  /** How many sessions refresh at the same time. */
  readonly sessions: number
  readonly milliseconds: number
  /** Requests per second of all together, at instants drawn by chance; absent: each as fast as it is answered. */
  readonly perSecond?: number
}

/** Sessions, each of which has one token at a time: that of its last answer. */
export interface Chains {
  /** Has sessions refresh; resolves with how long each answer took, in milliseconds. */
  readonly walk: (walk: Walk) => Promise<readonly number[]>
  /** The token of each session as it is now. */
  readonly tokens: () => readonly string[]
  readonly close: () => void
}

/** Chains that begin with these tokens; each has a connection of its own, opened when it is first needed. */
export function chainsFrom(port: number, firstTokens: readonly string[]): Chains {
  const tokens = [...firstTokens]
  const connections: Connection[] = []

  async function refresh(form: RefreshForm, session: number): Promise<void> {
    let connection = connections[session]
    if (connection === undefined || connection.isClosed()) {
      connection = await openConnection(port)
      connections[session] = connection
    }
    const answer = await connection.send(requestOf(form, tokens[session] ?? ''))
    const token = answer.status === 200 ? /"refresh_token": ?"([^"]+)"/.exec(answer.body)?.[1] : undefined
    if (token === undefined) throw new Error(`${form.path} was answered ${answer.status}: ${answer.body}`)
    tokens[session] = token
  }

  return {
    async walk({ form, sessions, milliseconds, perSecond }) {
      if (sessions > tokens.length) throw new Error(`there are only ${tokens.length} sessions`)
      const durations: number[] = []
      const until = performance.now() + milliseconds
      const line = async (session: number) => {
        for (;;) {
          if (perSecond !== undefined) await pause(-Math.log(1 - Math.random()) * (sessions / perSecond) * 1000)
          const begun = performance.now()
          if (begun >= until) return
          await refresh(form, session)
          durations.push(performance.now() - begun)
        }
      }
      await Promise.all(Array.from({ length: sessions }, (_, session) => line(session)))
      return durations
    },
    tokens: () => [...tokens],
    close: () => {
      for (const connection of connections) connection.close()
    },
  }
}

function requestOf({ path, type, fixed, attempts }: RefreshForm, token: string): string {
  const values = { ...fixed, refresh_token: token, ...(attempts && { attempt_id: randomUUID() }) }
  const body = type === 'json' ? JSON.stringify(values) : new URLSearchParams(values).toString()
  const mediaType = type === 'json' ? 'application/json' : 'application/x-www-form-urlencoded'
  return (
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${userAgent}\r\n` +
    `Content-Type: ${mediaType}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}
