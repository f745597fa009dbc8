import { claimsOf, createVerifier } from '@pawl/verifier'
import { protect } from '@pawl/verifier/fastify'
import fastify from 'fastify'

const { PORT = '3000', PAWL_ISSUER = 'http://localhost:8080', PAWL_AUDIENCE = PAWL_ISSUER } = process.env

const verifier = createVerifier({ issuer: PAWL_ISSUER, audience: PAWL_AUDIENCE })
const app = fastify()

app.get('/me', { onRequest: protect(verifier) }, (request) => {
  return { user: claimsOf(request).sub }
})

app.get('/reports', { onRequest: protect(verifier, { require: { scope: ['reports:read'] } }) }, () => {
  return { reports: ['November', 'December'] }
})

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
console.log(`listening on http://localhost:${PORT}`)
