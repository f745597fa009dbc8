import { serve } from '@hono/node-server'
import { claimsOf, createVerifier } from '@pawl/verifier'
import { protect } from '@pawl/verifier/hono'
import { Hono } from 'hono'

const { PORT = '3000', PAWL_ISSUER = 'http://localhost:8080', PAWL_AUDIENCE = PAWL_ISSUER } = process.env

const verifier = createVerifier({ issuer: PAWL_ISSUER, audience: PAWL_AUDIENCE })
const app = new Hono()

app.get('/me', protect(verifier), (context) => {
  return context.json({ user: claimsOf(context).sub })
})

app.get('/reports', protect(verifier, { require: { scope: ['reports:read'] } }), (context) => {
  return context.json({ reports: ['November', 'December'] })
})

serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, () => {
  console.log(`listening on http://localhost:${PORT}`)
})
