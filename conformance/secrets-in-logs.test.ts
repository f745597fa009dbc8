import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { eventually } from './running-server/eventually.ts'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import { forgeRefreshToken } from './running-server/refresh-token-form.ts'
import { basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply, errorReply } from './running-server/replies.ts'
import {
  runPawl,
  type StartedProcess,
  startProcess,
  type TemporaryData,
  temporaryData,
} from './running-server/started-process.ts'
import { alice } from './running-server/started-server.ts'
import { storedRows } from './running-server/stored-state.ts'

const serverSecret = createHash('sha256').update('the secret of the server').digest('base64url')
const clientSecret = createHash('sha256').update('the secret of the client').digest('base64url')
const newPassword = 'copper-meadow-forty-one'
const wrongPassword = 'orchid-thunder-ninety-nine'
const attemptId = 'attempt-id-of-the-holder-0123456789'

test('no token, password, secret or seed reaches log, events or metrics; every refusal can be found there by its id', async () => {
  await using data = await temporaryData()
  await using server = await startProcess(data, {
    PAWL_SECRETS: serverSecret,
    PAWL_REGISTRATION: 'on',
    PAWL_RACE_WINDOW_SECONDS: '0',
  })
  const environment = { PAWL_DATA: data.path, PAWL_SECRETS: serverSecret }
  const client = ['client', 'add', 'robot', '--type', 'confidential', '--grant', 'client_credentials', '--secret-stdin']
  const added = await runPawl([...client, '--resource', server.issuer], environment, clientSecret)
  expect(added.status, added.stderr).toBe(0)

  const secrets = new Set([alice.password, newPassword, wrongPassword, serverSecret, clientSecret, attemptId])
  const requestIds = new Set<string>()
  const metrics = await walk(server, secrets, requestIds)
  for (const spelling of await storedSecrets(data)) secrets.add(spelling)
  if (data.store.database !== undefined) secrets.add(new URL(data.store.database.url).password)
  // Deliveries run once a second: the last events are told by then.
  await eventually(() => expect(server.stderr()).toContain('"password_changed"'))
  await eventually(() => expect(server.stderr()).toContain('"session_replayed"'))
  const { stdout, stderr } = await server.stop()

  expect(requestIds.size).toBeGreaterThan(20)
  for (const id of requestIds) expect(stderr).toContain(`"requestId":"${id}"`)
  const everything = stdout + stderr + metrics + added.stdout + added.stderr
  const leaked = [...secrets].flatMap(fragments).filter((fragment) => everything.includes(fragment))
  expect(leaked).toEqual([])
})

/** Uses every endpoint, rightly and wrongly, and gathers the secrets it handles and the ids of what was refused. */
async function walk(server: StartedProcess, secrets: Set<string>, requestIds: Set<string>): Promise<string> {
  const send = async (path: string, request: Parameters<typeof server.send>[1] = {}) => {
    const reply = await server.send(path, request)
    for (const [token] of `${reply.text}\n${reply.setCookies.join('\n')}`.matchAll(/pawl_rt_[\w-]+|eyJ[\w.-]+/g))
      secrets.add(token)
    if (reply.status >= 400) requestIds.add(reply.read(errorReply).request_id)
    return reply
  }
  const session = await signIn({ send })
  const { access_token, refresh_token } = session
  const forged = forgeRefreshToken(refresh_token)
  secrets.add(forged)
  const next = await refresh({ send }, refresh_token, { attempt_id: attemptId })

  // Secrets where they belong, but refused.
  await send('/auth/login', { json: { ...alice, password: wrongPassword } })
  await send('/auth/login', { json: { username: wrongPassword, password: [wrongPassword] } })
  await send('/auth/login', { body: `{"password":"${wrongPassword}"`, headers: { 'content-type': 'application/json' } })
  await send('/auth/register', { json: { username: 'carol', password: wrongPassword.slice(0, 10) } })
  await send('/auth/register', { json: { username: 'carol', password: newPassword } })
  await send('/auth/refresh', { json: { refresh_token: forged, attempt_id: attemptId } })
  await send('/auth/refresh', { json: { refresh_token, attempt_id: `${attemptId}!` } })
  await send('/auth/refresh', { json: { refresh_token: next.refresh_token, resource: next.refresh_token } })
  await send('/auth/session', { bearer: `${access_token}x` })
  await send('/auth/session', { headers: { authorization: `Basic ${btoa(`a:${clientSecret}`)}` } })
  await send('/auth/session', { headers: { cookie: `pawl_access=${refresh_token}; pawl_refresh=${access_token}` } })
  await send('/auth/password', {
    json: { current_password: wrongPassword, new_password: newPassword },
    bearer: access_token,
  })
  for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
    await send(path, { form: { token: forged, client_id: 'robot', client_secret: wrongPassword } })
    await send(path, { form: { token: forged, grant_type: wrongPassword }, headers: basic('robot', clientSecret) })
    await send(path, { form: { token: forged }, headers: { authorization: `Bearer ${access_token}` } })
  }

  // Secrets where they do not belong: in paths, queries and names.
  await send(`/${next.refresh_token}`)
  await send(`/auth/sessions/${next.refresh_token}`, { method: 'DELETE', bearer: access_token })
  await send(`/auth/session?access_token=${access_token}&token=${refresh_token}&password=${wrongPassword}`)
  await send(`/oauth/token?client_secret=${clientSecret}&refresh_token=${refresh_token}`, { form: {} })
  await send(`/oauth/revoke?token=${refresh_token}`, { method: 'PUT' })
  await send('/auth/refresh', { json: { [refresh_token]: clientSecret } })
  await send('/auth/login', { form: { username: alice.username, password: alice.password } })

  // What succeeds, and theft at the end.
  const form = { grant_type: 'client_credentials' }
  const granted = await send('/oauth/token', { form, headers: basic('robot', clientSecret) })
  const robot = granted.read(clientCredentialsReply).access_token
  await send('/auth/sessions', { bearer: robot })
  await send('/oauth/introspect', { form: { token: next.access_token }, headers: basic('robot', clientSecret) })
  await send('/auth/sessions', { bearer: next.access_token })
  const cookies = await send('/auth/login', { json: alice })
  expect(cookies.setCookies).toHaveLength(3)
  const change = { current_password: alice.password, new_password: newPassword }
  await send('/auth/password', { json: change, bearer: next.access_token })
  await send('/auth/refresh', { json: { refresh_token } })
  await send('/auth/refresh', { json: { refresh_token: next.refresh_token } })
  await send('/auth/logout', { json: { refresh_token } })
  return (await server.send('/metrics')).text
}

/** Seeds, digests, password hashes and sealed keys, in every spelling in which a log line could hold them. */
async function storedSecrets({ store }: TemporaryData): Promise<readonly string[]> {
  const columns = [
    'SELECT seed AS secret FROM sessions',
    'SELECT token_hash AS secret FROM sessions',
    'SELECT secret_hash AS secret FROM clients WHERE secret_hash IS NOT NULL',
    'SELECT sealed_private_key AS secret FROM signing_keys',
    'SELECT password_hash AS secret FROM users',
  ]
  const rows = await Promise.all(columns.map((sql) => storedRows(store, sql)))
  const values = rows.flat().map(({ secret }) => secret)
  expect(values.length).toBeGreaterThan(8)
  return values.flatMap((value) => {
    if (!(value instanceof Uint8Array)) return [String(value)]
    const bytes = Buffer.from(value)
    return [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url'), [...bytes].join(',')]
  })
}

/** A secret as a whole and, where it is long, its last part: what a shortened line would still give away. */
function fragments(secret: string): readonly string[] {
  return secret.length > 60 ? [secret, secret.slice(-43, -6)] : [secret]
}
