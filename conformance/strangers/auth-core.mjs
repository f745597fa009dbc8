// Auth.js, as it is, in an application of its own that signs people in with Pawl. It says on stdout where the browser has to
// go, and reads on stdin where that was sent back to.
import { createInterface } from 'node:readline/promises'
import { Auth } from '@auth/core'

const [, , issuer, origin] = process.argv
const lines = createInterface({ input: process.stdin })
const jar = new Map()

const configuration = {
  trustHost: true,
  secret: 'a secret of the application, long enough for it',
  basePath: '/auth',
  providers: [
    {
      id: 'pawl',
      name: 'Pawl',
      type: 'oidc',
      issuer,
      clientId: 'app',
      client: { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' },
      checks: ['pkce', 'state', 'nonce'],
      profile: ({ sub, preferred_username }) => ({ id: sub, name: preferred_username }),
      authorization: { params: { scope: 'openid profile' } },
    },
  ],
}

async function send(path, form) {
  const response = await Auth(
    new Request(origin + path, {
      method: form ? 'POST' : 'GET',
      headers: { cookie: [...jar].map((pair) => pair.join('=')).join('; ') },
      ...(form && { body: new URLSearchParams(form) }),
    }),
    configuration,
  )
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '') jar.delete(name)
    else jar.set(name, value)
  }
  return response
}

const { csrfToken } = await (await send('/auth/csrf')).json()
const redirect = await send('/auth/signin/pawl', { csrfToken, callbackUrl: `${origin}/` })
process.stdout.write(`${JSON.stringify({ visit: redirect.headers.get('location') })}\n`)
const answer = await new Promise((resolve) => lines.once('line', (line) => resolve(new URL(line))))
await send(answer.pathname + answer.search)
process.stdout.write(`${JSON.stringify(await (await send('/auth/session')).json())}\n`)
lines.close()
