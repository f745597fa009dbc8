import { UserManager } from 'oidc-client-ts'

const options = { authority: 'https://id.example', client_id: 'app', redirect_uri: 'https://app.example/callback' }
Object.assign(globalThis, { client: new UserManager(options) })
