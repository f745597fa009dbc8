import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { signIn } from './running-server/first-party-calls.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { refreshGrantReply } from './running-server/replies.ts'
import { sessionsOf } from './running-server/sessions-of-a-client.ts'
import { engines, startServer } from './running-server/started-server.ts'

const granted = ['https://api.example/', 'https://files.example/']

describe.each(engines)('rfc8707-2.2: resource at the refresh grant on %s', (engine) => {
  test('RI-1: one of those granted is given, several as well, and one that only the client is registered for is invalid_target', async () => {
    await using server = await startServer({ engine, through: sessionsOf('web', { resources: granted }) })
    const resources = [...granted, 'https://other.example/']
    const registration = { id: 'web', type: 'confidential', grants: ['refresh_token'], resources }
    const headers = basic('web', await addClient(server, registration))
    let { refresh_token: token } = await signIn(server)
    const refresh = async (...asked: readonly string[]) => {
      const form: (readonly [string, string])[] = [
        ['grant_type', 'refresh_token'],
        ['refresh_token', token],
        ...asked.map((resource) => ['resource', resource] as const),
      ]
      return server.send('/oauth/token', { form, headers })
    }

    for (const asked of [['https://files.example/'], granted, []]) {
      const reply = (await refresh(...asked)).read(refreshGrantReply)
      token = reply.refresh_token
      expect([decodeJwt(reply.access_token).aud].flat()).toEqual(asked.length === 0 ? granted : asked)
    }
    expectRefusal(await refresh('https://other.example/'), 'invalid_target')
    // The refusal cost nothing.
    expect((await refresh()).status).toBe(200)
  })
})
