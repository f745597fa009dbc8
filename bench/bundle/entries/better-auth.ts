import { createAuthClient } from 'better-auth/client'

Object.assign(globalThis, { client: createAuthClient({ baseURL: 'https://id.example' }) })
