import { expect } from 'vitest'
import type { Reply, RequestLine } from './http-request.ts'
import { type BodyReply, bodyReply } from './replies.ts'
import { alice, type StartedServer } from './started-server.ts'

/** Anything that can be asked: a server in this process, a process, an application that it is mounted in. */
export type Sender = Pick<StartedServer, 'send'>

/** Signs in for tokens in the body. */
export async function signIn(
  server: Sender,
  credentials: { readonly username: string; readonly password: string } = alice,
  headers: RequestLine['headers'] = {},
): Promise<BodyReply> {
  const reply = await server.send('/auth/login', { json: { ...credentials, delivery: 'body' }, headers })
  expect(reply.status, reply.text).toBe(200)
  return reply.read(bodyReply)
}

/** Sends a refresh token and whatever shall go with it. */
export async function tryRefresh(
  server: Sender,
  refreshToken: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Reply> {
  return server.send('/auth/refresh', { json: { refresh_token: refreshToken, ...more } })
}

/** Refreshes and expects it to work. */
export async function refresh(
  server: Sender,
  refreshToken: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<BodyReply> {
  const reply = await tryRefresh(server, refreshToken, more)
  expect(reply.status, reply.text).toBe(200)
  return reply.read(bodyReply)
}

/** Whether `GET /auth/session` takes an access token. */
export async function sessionStatus(server: Sender, accessToken: string): Promise<number> {
  return (await server.send('/auth/session', { bearer: accessToken })).status
}
