import { expect, test } from 'vitest'
import type { FetchDocument } from '../../src/client-documents/fetch-document.ts'
import { limitPerHost } from '../../src/client-documents/host-limit.ts'

test('T18.3 strangers cannot have one host knocked at more than 30 times a minute', async () => {
  let now = 0
  const asked: string[] = []
  const fetch: FetchDocument = async ({ url }) => {
    asked.push(url)
    return { kind: 'refused', detail: 'status 404' }
  }
  const limited = limitPerHost(fetch, () => now)
  const ask = (url: string) => limited({ url, reach: 'public', largestBytes: 1 })
  for (let index = 0; index < 30; index += 1) await ask(`https://victim.example:${index}/${index}`)
  expect(asked).toHaveLength(30)
  expect(await ask('https://VICTIM.example/')).toEqual({ kind: 'unavailable', detail: 'busy' })
  expect(await ask('https://other.example/')).toEqual({ kind: 'refused', detail: 'status 404' })
  now = 59_999
  expect(await ask('https://victim.example/')).toEqual({ kind: 'unavailable', detail: 'busy' })
  now = 60_000
  expect(await ask('https://victim.example/')).toEqual({ kind: 'refused', detail: 'status 404' })
  expect(asked).toHaveLength(32)
})

test('T18.3 a flood of hosts is forgotten again, the oldest first', async () => {
  const fetch: FetchDocument = async () => ({ kind: 'unavailable', detail: 'unreachable' })
  const limited = limitPerHost(fetch, () => 0)
  const ask = (url: string) => limited({ url, reach: 'public', largestBytes: 1 })
  for (let index = 0; index < 30; index += 1) await ask('https://first.example/')
  expect(await ask('https://first.example/')).toMatchObject({ detail: 'busy' })
  for (let index = 0; index < 10_000; index += 1) await ask(`https://${index}.example/`)
  expect(await ask('https://first.example/')).toMatchObject({ detail: 'unreachable' })
})
