import { AuthClient } from '@supabase/auth-js'

Object.assign(globalThis, { client: new AuthClient({ url: 'https://id.example/auth/v1' }) })
