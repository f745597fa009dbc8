// The client of the MCP TypeScript SDK, as it is: finds the authorization server of an MCP server by itself, signs in, calls,
// and refreshes. It says on stdout where the browser has to go, and reads on stdin where that was sent back to.
import { createInterface } from 'node:readline/promises'
import { auth, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const [, , server, redirectUrl] = process.argv
const lines = createInterface({ input: process.stdin })
const kept = {}

const provider = {
  redirectUrl,
  clientMetadata: { redirect_uris: [redirectUrl], scope: 'read' },
  clientInformation: () => ({ client_id: 'app' }),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => {
    kept.tokens = tokens
  },
  state: () => 'a state of the client',
  saveCodeVerifier: (verifier) => {
    kept.verifier = verifier
  },
  codeVerifier: () => kept.verifier,
  redirectToAuthorization: (url) => {
    kept.visit = url.href
  },
}

async function connect() {
  const client = new Client({ name: 'stranger', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: provider })
  try {
    await client.connect(transport)
    return { name: client.getServerVersion()?.name }
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error
    return { transport }
  }
}

const first = await connect()
process.stdout.write(`${JSON.stringify({ visit: kept.visit })}\n`)
const answer = await new Promise((resolve) => lines.once('line', (line) => resolve(new URL(line))))
await first.transport.finishAuth(answer.searchParams.get('code'))
const second = await connect()
const before = kept.tokens
const refreshed = await auth(provider, { serverUrl: server })
process.stdout.write(`${JSON.stringify({ name: second.name, before, refreshed, after: kept.tokens })}\n`)
lines.close()
