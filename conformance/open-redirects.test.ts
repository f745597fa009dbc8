import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApp, authorizationQuery, sitDown } from './running-server/authorization.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

const registered = ['https://app.example/callback', 'http://127.0.0.1/back', 'com.example.app:/back']

/** What somebody tries who wants a browser, or a code, sent where it was not registered. */
const attempts: readonly string[] = [
  // Other hosts, schemes and ports.
  'https://evil.example',
  'https://evil.example/callback',
  'http://app.example/callback',
  'https://app.example:443/callback',
  'https://app.example:8443/callback',
  'https://app.example:/callback',
  'HTTPS://app.example/callback',
  'https://APP.example/callback',
  'https://app.example./callback',
  'https://app.example.evil.example/callback',
  'https://evilapp.example/callback',
  'https://sub.app.example/callback',
  'https:app.example/callback',
  'https:/app.example/callback',
  'https:///app.example/callback',
  '//app.example/callback',
  '//evil.example/callback',
  '/callback',
  'app.example/callback',
  'javascript:alert(1)//https://app.example/callback',
  'data:text/html,https://app.example/callback',
  // Userinfo.
  'https://app.example@evil.example/callback',
  'https://app.example:x@evil.example/callback',
  'https://user@app.example/callback',
  'https://user:x@app.example/callback',
  'https://app.example%40evil.example/callback',
  'https://evil.example#@app.example/callback',
  'https://evil.example?@app.example/callback',
  // Backslashes and slashes, bare and encoded.
  'https://evil.example\\@app.example/callback',
  'https:\\\\app.example\\callback',
  'https://app.example\\callback',
  'https://app.example/\\evil.example',
  'https://app.example%2fcallback',
  'https://app.example/%63allback',
  'https://app.example/callback%2f',
  'https://app.example/callback%2F..%2Fother',
  'https://app.example%5cevil.example/callback',
  'https://evil.example%2f%2fapp.example/callback',
  // Dots of other scripts, and letters that look alike.
  'https://app。example/callback',
  'https://app．example/callback',
  'https://app｡example/callback',
  'https://аpp.example/callback',
  'https://evil.example／app.example/callback',
  'https://app.example／callback',
  'https://xn--pp-8cd.example/callback',
  // Sub-paths, traversal, queries, fragments.
  'https://app.example/',
  'https://app.example/callback/',
  'https://app.example/callback/deeper',
  'https://app.example/callback/../callback',
  'https://app.example/./callback',
  'https://app.example//callback',
  'https://app.example/callback?',
  'https://app.example/callback?next=https://evil.example',
  'https://app.example/callback#',
  'https://app.example/callback#fragment',
  'https://app.example/callback;x=1',
  'https://app.example/Callback',
  'https://app.example/callback.evil.example',
  // Blanks and controls.
  ' https://app.example/callback',
  'https://app.example/callback ',
  'https://app.example/callback\t',
  'https://app.example/callback\r\nLocation: https://evil.example',
  'https://app.example/call\nback',
  'https://app.example/callback\0',
  'https://app.example/callback%00',
  'https://app.example/callback%0d%0aSet-Cookie:x=1',
  'https://app\t.example/callback',
  // The loopback address, whose port may be any, and nothing else of it.
  'http://127.0.0.1:1@evil.example/back',
  'http://127.0.0.1:80:80/back',
  'http://127.0.0.1:99999/back',
  'http://127.0.0.1:08080/back',
  'http://127.0.0.1:/back',
  'http://127.0.0.1:8080/back/',
  'http://127.0.0.1:8080/other',
  'http://127.0.0.1:8080/back?x=1',
  'http://127.0.0.1:8080/back#x',
  'http://127.0.0.1.evil.example/back',
  'http://127.0.0.1:8080.evil.example/back',
  'http://127.1/back',
  'http://2130706433/back',
  'http://0x7f.0.0.1/back',
  'http://localhost/back',
  'http://localhost:8080/back',
  'http://[::1]:8080/back',
  'http://[::ffff:127.0.0.1]/back',
  'https://127.0.0.1:8080/back',
  // The scheme of an application.
  'com.example.app://back',
  'com.example.app:/back/',
  'com.example.app:back',
  'com.example.app.evil:/back',
  'COM.EXAMPLE.APP:/back',
]

describe('AZ-2 AZ-3 open redirects', () => {
  let server: StartedServer

  beforeAll(async () => {
    server = await startServer()
    await addApp(server, { redirectUris: registered })
  })

  afterAll(async () => {
    await server[Symbol.asyncDispose]()
  })

  test(`none of ${attempts.length} addresses that were not registered is ever redirected to`, async () => {
    expect(new Set(attempts).size).toBeGreaterThan(60)
    const person = sitDown(server)
    await person.send(await person.open(authorizationQuery()), alice)
    for (const redirect_uri of attempts) {
      for (const more of [{}, { prompt: 'none' }, { response_type: 'token' }, { scope: 'nothing' }]) {
        const path = authorizationQuery({ redirect_uri, ...more })
        for (const request of [{ method: 'GET' } as const, { form: { step: 'consent', deny: 'yes' } }]) {
          const reply = await person.browser.send(path, request)
          const found = [reply.status, reply.headers.get('location'), reply.headers.get('refresh')]
          expect(found, redirect_uri).toEqual([request.method === 'GET' ? 400 : expect.any(Number), null, null])
          expect(reply.status, redirect_uri).toBeGreaterThanOrEqual(400)
        }
      }
    }
  })

  test('and each that was registered is', async () => {
    const person = sitDown(server)
    for (const redirect_uri of registered) {
      let page = await person.open(authorizationQuery({ redirect_uri }))
      if (page.reply.text.includes('name="password"')) page = await person.send(page, alice)
      const { reply } = await person.send(page, { deny: 'yes' })
      expect(reply.headers.get('location')).toMatch(/error=access_denied/)
    }
  })
})
