import { indexedDbStore } from '@pawl/client'
import { createOAuthClient } from '@pawl/client/oauth'

const store = indexedDbStore('tokens')
const redirectUri = 'https://app.example/callback'
Object.assign(globalThis, { client: createOAuthClient({ clientId: 'app', redirectUri, store }) })
