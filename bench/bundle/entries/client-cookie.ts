import { createClient } from '@pawl/client'

Object.assign(globalThis, { client: createClient() })
