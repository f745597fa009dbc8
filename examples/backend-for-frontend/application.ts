import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { serve } from '@hono/node-server'
import { createBff } from '@pawl/client/bff'
import { sqliteSessions } from '@pawl/client/bff/sqlite-sessions'
import { Hono } from 'hono'
import { build } from 'rolldown'

const {
  PORT = '3000',
  PAWL_ISSUER = 'http://localhost:8080',
  API_URL = 'http://localhost:3001',
  SESSIONS = 'data/sessions.db',
} = process.env
const origin = `http://localhost:${PORT}`

mkdirSync('data', { recursive: true })
const bff = createBff({
  issuer: PAWL_ISSUER,
  origin,
  sessions: sqliteSessions(SESSIONS),
  routes: [
    { path: '/api/me', to: `${API_URL}/me` },
    { path: '/api/reports', to: `${API_URL}/reports` },
  ],
})

const { output } = await build({ input: 'page/page.ts', platform: 'browser', write: false })
const headers = { 'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'" }
const app = new Hono()
app.all('/bff/*', (context) => bff.fetch(context.req.raw))
app.get('/', async (context) => context.html(await readFile('page/page.html', 'utf8'), 200, headers))
app.get('/page.js', (context) => context.body(output[0].code, 200, { 'Content-Type': 'text/javascript' }))

serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, () => {
  console.log(`listening on ${origin}`)
})
