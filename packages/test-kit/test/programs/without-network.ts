import { connect } from 'node:net'
import { createTestIssuer } from '@pawl/test-kit'

// Shows that nothing of the kit needs a network: it runs where there is none.
const network = await new Promise((resolve) => {
  try {
    connect(1, '127.0.0.1').on('error', (error) => resolve('code' in error ? error.code : error.message))
  } catch (error) {
    resolve(error instanceof Error && 'code' in error ? error.code : error)
  }
})
await using kit = await createTestIssuer()
const client = await kit.client('ada')
await kit.clock.advance({ minutes: 20 })
const { ok } = await kit.verifier().verify(await kit.accessToken('grace'))
const { status } = await client.refresh()
process.stdout.write(JSON.stringify({ network, verified: ok, session: status }))
