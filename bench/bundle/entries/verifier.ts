import { createVerifier } from '@pawl/verifier'

const options = { issuer: 'https://id.example', audience: 'https://api.example' }
Object.assign(globalThis, { verifier: createVerifier(options) })
