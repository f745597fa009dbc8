import { join } from 'node:path'
import { claimsOf, createVerifier } from '@pawl/verifier'
import { protect } from '@pawl/verifier/express'
import express from 'express'
import { build } from 'rolldown'

const { PORT = '3000', PAWL_ISSUER = 'http://localhost:8080', PAWL_AUDIENCE = PAWL_ISSUER } = process.env

const { output } = await build({
  input: 'page/page.tsx',
  platform: 'browser',
  write: false,
  // One React for the page and for the bindings, which lie outside of this folder. Installed ones need no such line.
  resolve: { alias: { react: join(import.meta.dirname, 'node_modules/react') } },
  transform: { define: { ISSUER: JSON.stringify(PAWL_ISSUER), 'process.env.NODE_ENV': '"production"' } },
})

const verifier = createVerifier({ issuer: PAWL_ISSUER, audience: PAWL_AUDIENCE })
const app = express()

app.get('/api/me', protect(verifier), (request, response) => {
  response.json({ user: claimsOf(request).sub })
})

app.get('/page.js', (_request, response) => {
  response.type('text/javascript').send(output[0].code)
})

app.get('/', (_request, response) => {
  response
    .set('Content-Security-Policy', `default-src 'self'; connect-src 'self' ${PAWL_ISSUER}; frame-ancestors 'none'`)
    .sendFile(join(import.meta.dirname, 'page/page.html'))
})

app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listening on http://localhost:${PORT}`)
})
