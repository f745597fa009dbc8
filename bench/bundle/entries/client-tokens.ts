import { createTokenClient, indexedDbStore } from '@pawl/client'

Object.assign(globalThis, { client: createTokenClient({ store: indexedDbStore('tokens') }) })
