import type { Page } from 'playwright-core'
import { z } from 'zod'

/**
 * Everything that script in a page can get at, as one text: readable cookies, storages, databases, caches, the document,
 * the log of requests, and what can be reached from the global object by any property, prototype or collection.
 */
export async function reachableText(page: Page): Promise<string> {
  return z.string().parse(await page.evaluate(collectReachable))
}

/**
 * Every string on the page's JavaScript heap, closures and garbage not yet collected included: more than any script
 * can see.
 */
export async function heapStrings(page: Page): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page)
  const chunks: string[] = []
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk))
  await session.send('HeapProfiler.enable')
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false })
  await session.detach()
  return z.object({ strings: z.array(z.string()) }).parse(JSON.parse(chunks.join(''))).strings
}

const collectReachable = `(async () => {
  const found = [document.cookie, document.documentElement.outerHTML, location.href, JSON.stringify(history.state)]
  for (const storage of [localStorage, sessionStorage]) found.push(JSON.stringify(Object.entries(storage)))
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(name)
      opening.onsuccess = () => resolve(opening.result)
      opening.onerror = () => reject(opening.error)
    })
    for (const store of database.objectStoreNames) {
      const reading = database.transaction(store).objectStore(store)
      for (const request of [reading.getAll(), reading.getAllKeys()]) {
        found.push(JSON.stringify(await new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result)
          request.onerror = () => reject(request.error)
        })))
      }
    }
    database.close()
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name)
    for (const request of await cache.keys()) found.push(request.url, await (await cache.match(request)).text())
  }
  found.push(JSON.stringify(performance.getEntries()))
  for (const registration of await navigator.serviceWorker.getRegistrations()) found.push(registration.scope)
  const seen = new Set()
  const waiting = [globalThis]
  while (waiting.length > 0 && seen.size < 500000) {
    const value = waiting.pop()
    if (typeof value === 'string') found.push(value)
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue
    seen.add(value)
    if (value instanceof Map || value instanceof Set) for (const item of value) waiting.push(...[item].flat())
    waiting.push(Object.getPrototypeOf(value))
    for (const key of Reflect.ownKeys(value)) {
      try {
        waiting.push(value[key])
      } catch {}
    }
  }
  return found.join('\\n')
})()`
