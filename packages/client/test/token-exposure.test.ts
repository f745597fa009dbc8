import { indexedDB } from 'fake-indexeddb'
import { describe, expect, test } from 'vitest'
import { type Network, openBrowser } from './browser.ts'
import { ada, apiOrigin, issuer, startIssuer } from './started-issuer.ts'

describe('where the tokens are', () => {
  test.each(['cookie', 'memory'] as const)(
    'T35.1: with access in %s, nothing that a script can reach holds the refresh token',
    async (access) => {
      const server = await startIssuer()
      const browser = openBrowser(server)
      const secrets = new Set<string>()
      const shown: unknown[] = []
      const recording: Network = async (request, proceed) => {
        const response = await proceed()
        if (new URL(request.url).pathname.startsWith('/auth/')) shown.push(await response.clone().text())
        for (const cookie of response.headers.getSetCookie()) {
          const value = /^__Secure-pawl_refresh=([^;]+)/.exec(cookie)?.[1]
          if (value !== undefined) secrets.add(value)
        }
        return response
      }
      browser.network = recording
      const { client } = browser.openTab({ access, allowedOrigins: [issuer, apiOrigin] })
      client.onChange((session) => shown.push(session))
      shown.push(client, await client.signIn(ada), await client.session(), await client.refresh())
      shown.push(await (await client.fetch('/auth/session')).text(), browser.readableCookies(), await readDatabases())
      shown.push(await client.signOut())
      expect(secrets.size).toBe(2)
      const scanned = reachable(shown).join('\n')
      expect(scanned).toContain(ada.username)
      expect(scanned).toContain('entries')
      for (const secret of secrets) expect(scanned).not.toContain(secret)
      expect(scanned).not.toContain('pawl_rt_')
    },
  )
})

/** Every string that can be reached from a value by properties. */
function reachable(value: unknown, seen: Set<unknown> = new Set()): string[] {
  if (typeof value === 'string') return [value]
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return []
  seen.add(value)
  return Reflect.ownKeys(value).flatMap((key) => [String(key), ...reachable(Reflect.get(value, key), seen)])
}

/** Everything in IndexedDB. */
async function readDatabases(): Promise<unknown[]> {
  const contents: unknown[] = []
  for (const { name = '' } of await indexedDB.databases()) {
    const opening = indexedDB.open(name)
    const database = await new Promise<typeof opening.result>((resolve) => {
      opening.onsuccess = () => resolve(opening.result)
    })
    for (const store of database.objectStoreNames) {
      const objects = database.transaction(store).objectStore(store)
      for (const reading of [objects.getAllKeys(), objects.getAll()]) {
        await new Promise((resolve) => {
          reading.onsuccess = resolve
        })
        contents.push(store, reading.result)
      }
    }
    database.close()
  }
  return contents
}
