import { claimsOf, createVerifier } from '@pawl/verifier'
import { protect } from '@pawl/verifier/express'
import express from 'express'

const { PORT = '3000', PAWL_ISSUER = 'http://localhost:8080', PAWL_AUDIENCE = PAWL_ISSUER } = process.env

const verifier = createVerifier({ issuer: PAWL_ISSUER, audience: PAWL_AUDIENCE })
const app = express()

app.get('/me', protect(verifier), (request, response) => {
  response.json({ user: claimsOf(request).sub })
})

app.get('/reports', protect(verifier, { require: { scope: ['reports:read'] } }), (_request, response) => {
  response.json({ reports: ['November', 'December'] })
})

app.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://localhost:${PORT}`))
