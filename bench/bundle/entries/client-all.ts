import {
  createClient,
  createTokenClient,
  customStore,
  indexedDbStore,
  localStorageStore,
  memoryStore,
} from '@pawl/client'
import { createOAuthClient } from '@pawl/client/oauth'

Object.assign(globalThis, {
  createClient,
  createTokenClient,
  createOAuthClient,
  customStore,
  indexedDbStore,
  localStorageStore,
  memoryStore,
})
