import { readFile } from 'node:fs/promises'
import { createPawl, toNodeHandler } from '@pawl/server'
import { claimsOf, createVerifier } from '@pawl/verifier'
import { protect } from '@pawl/verifier/fastify'
import fastify from 'fastify'
import { build } from 'rolldown'

const { PORT = '3000', DATA = 'data' } = process.env
const origin = `http://localhost:${PORT}`
const issuer = `${origin}/id`

// Token server, API and page in one process, on one origin: nothing else to start, and no CORS.
const pawl = createPawl({ issuer, audience: origin, data: DATA, registration: true })
await pawl.ready()
const verifier = createVerifier({
  issuer,
  audience: origin,
  cookie: true,
  fetch: (url, init) => pawl.fetch(new Request(url, init)),
})
const { output } = await build({ input: 'page/page.ts', platform: 'browser', write: false })

const app = fastify()
const answerPawl = toNodeHandler(pawl.fetch)
app.addHook('onRequest', async (request, reply) => {
  if (!request.url.startsWith('/id/')) return
  reply.hijack()
  answerPawl(request.raw, reply.raw)
})
app.get('/api/me', { onRequest: protect(verifier) }, (request) => ({ user: claimsOf(request).sub }))
app.get('/page.js', (_request, reply) => reply.type('text/javascript').send(output[0].code))
app.get('/', async (_request, reply) => reply.type('text/html').send(await readFile('page/page.html')))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await app.close()
    await pawl.close()
  })
}
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
console.log(`listening on ${origin}`)
