import { isJsonObject, parseJsonObject } from '@pawl/protocol'
import { holdsTestKey } from './test-keys.ts'
import { importVerificationKey, type VerificationKey } from './verification-key.ts'
import type { KeySetFetch } from './verifier-options.ts'

/** The issuer's keys by id, or in a few words why they could not be had. */
export type KeySetReading =
  | { readonly ok: true; readonly keys: ReadonlyMap<string, VerificationKey> }
  | { readonly ok: false; readonly detail: string }

/** Longest time that fetching the keys may take. */
export const fetchTimeoutMilliseconds = 5_000

const largestBytes = 65_536

/** Some runtimes refuse the option outright; where it exists, a cache must not answer when we ask for a new key. */
const cacheOption: RequestInit = 'cache' in Request.prototype ? { cache: 'no-store' } : {}

/**
 * Fetches and reads a key set (RFC 7517 section 5): at most 5 s and 64 KiB, no redirects. Keys that cannot verify access
 * tokens are left out, and so is every key that shares its `kid` with another (standards JW-8). Never rejects.
 *
 * @param acceptTestKeys whether a set that holds a key for tests is taken all the same
 */
export async function fetchKeySet(uri: string, fetch: KeySetFetch, acceptTestKeys = false): Promise<KeySetReading> {
  const stop = new AbortController()
  const { promise: late, resolve } = Promise.withResolvers<KeySetReading>()
  const timer = setTimeout(resolve, fetchTimeoutMilliseconds, failure('timeout'))
  try {
    return await Promise.race([late, readKeySet(uri, fetch, { signal: stop.signal, acceptTestKeys })])
  } catch {
    return failure('unreachable')
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
}

function failure(detail: string): KeySetReading {
  return { ok: false, detail }
}

async function readKeySet(
  uri: string,
  fetch: KeySetFetch,
  { signal, acceptTestKeys }: { readonly signal: AbortSignal; readonly acceptTestKeys: boolean },
): Promise<KeySetReading> {
  const accept = 'application/jwk-set+json, application/json'
  // "manual", for not every runtime knows "error"; the 3xx itself is then refused.
  const response = await fetch(uri, { ...cacheOption, redirect: 'manual', signal, headers: { accept } })
  if (response.redirected || response.type === 'opaqueredirect') return failure('redirect')
  if (response.status !== 200) {
    await response.body?.cancel()
    return failure(`status ${response.status}`)
  }
  const text = await readText(response)
  if (text === undefined) return failure('too large')
  const keys = parseJsonObject(text)?.['keys']
  if (!Array.isArray(keys)) return failure('not a key set')
  if (!acceptTestKeys && holdsTestKey(keys)) return failure('keys for tests')
  return { ok: true, keys: await importKeys(keys) }
}

async function readText(response: Response): Promise<string | undefined> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.length
    if (bytes > largestBytes) {
      await reader.cancel()
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** Imports the keys of a set that can verify access tokens; all that share a `kid` with another are left out. */
export async function importKeys(entries: readonly unknown[]): Promise<ReadonlyMap<string, VerificationKey>> {
  const keys = new Map<string, VerificationKey>()
  const seen = new Set<string>()
  for (const entry of entries) {
    if (!isJsonObject(entry) || typeof entry['kid'] !== 'string') continue
    const kid = entry['kid']
    const key = await importVerificationKey(entry)
    if (key === undefined) continue
    if (seen.has(kid)) keys.delete(kid)
    else keys.set(kid, key)
    seen.add(kid)
  }
  return keys
}
