import { Auth0Client } from '@auth0/auth0-spa-js'

Object.assign(globalThis, { client: new Auth0Client({ domain: 'id.example', clientId: 'app' }) })
