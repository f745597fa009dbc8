import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { z } from 'zod'
import { inFlight, upTo } from '../sessions/in-flight.ts'
import { userAgent } from '../sessions/typical-session.ts'
import { user } from './started-server.ts'

/** Clients with one session each, that refresh as fast as they are answered. */
export interface RefreshingClients {
  /** Has so many of them refresh for so long; resolves with how long each answer took, in milliseconds. */
  readonly refresh: (clients: number, milliseconds: number) => Promise<readonly number[]>
}

const reply = z.looseObject({ refresh_token: z.string() })

/** Signs in so often. */
export async function signIn(port: number, count: number): Promise<RefreshingClients> {
  const tokens: string[] = []
  await withConnections(port, async (post) => {
    // Hashing a password takes as many cores as there are; more at a time would only wait longer.
    await inFlight(upTo(count), 4, async (client) => {
      tokens[client] = await post('/auth/login', { ...user, delivery: 'body' })
    })
  })
  return {
    async refresh(clients, milliseconds) {
      const durations: number[] = []
      const until = performance.now() + milliseconds
      await withConnections(port, async (post) => {
        await inFlight(upTo(clients), clients, async (client) => {
          for (let begun = performance.now(); begun < until; begun = performance.now()) {
            const attempt_id = randomBytes(18).toString('base64url')
            tokens[client] = await post('/auth/refresh', { refresh_token: tokens[client], attempt_id })
            durations.push(performance.now() - begun)
          }
        })
      })
      return durations
    },
  }
}

/** Sends a body to a path and resolves with the refresh token of the answer. */
type Post = (path: string, body: object) => Promise<string>

/** Connections stay open from one request to the next, and no longer: the server closes those that nobody uses. */
async function withConnections(port: number, work: (post: Post) => Promise<void>): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  try {
    await work((path, body) => post({ agent, port, path }, JSON.stringify(body)))
  } finally {
    agent.destroy()
  }
}

async function post(
  to: { readonly agent: Agent; readonly port: number; readonly path: string },
  body: string,
): Promise<string> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': userAgent,
  }
  const answer = await new Promise<string>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', method: 'POST', headers, ...to }, (response) => {
      let read = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        read += chunk
      })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(read)
        else reject(new Error(`${to.path} was answered ${response.statusCode}: ${read}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
  return reply.parse(JSON.parse(answer)).refresh_token
}
