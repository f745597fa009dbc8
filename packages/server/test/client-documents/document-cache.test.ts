import { expect, test } from 'vitest'
import { createDocumentCache } from '../../src/client-documents/document-cache.ts'
import type { DocumentReading } from '../../src/client-documents/fetch-document.ts'

/** A cache of one document, whose next answers the test lays out. */
function cacheOf(...answers: DocumentReading[]) {
  let now = 1_000_000
  const asked: string[] = []
  const cache = createDocumentCache({
    clock: () => now,
    parse: ({ value }) => value,
    fetch: async (url) => {
      asked.push(url)
      return answers.shift() ?? { kind: 'unavailable', detail: 'unreachable' }
    },
  })
  return {
    asked,
    read: (anew = false) => cache.read('https://client.example/', { anew }),
    of: (url: string) => cache.read(url),
    advanceSeconds: (seconds: number) => {
      now += seconds * 1000
    },
  }
}

const saying = (value: unknown, maxAgeSeconds?: number): DocumentReading => ({
  kind: 'read',
  document: { value },
  maxAgeSeconds,
})
const gone: DocumentReading = { kind: 'refused', detail: 'status 404' }

test.each<[string, number | undefined, number]>([
  ['for five minutes where its sender does not say', undefined, 300],
  ['for a minute at least', 0, 60],
  ['for as long as its sender says', 600, 600],
  ['for an hour at most', 999_999, 3_600],
])('CM-4 a document is kept %s', async (_, maxAge, seconds) => {
  const { read, asked, advanceSeconds } = cacheOf(saying(1, maxAge), saying(2))
  expect(await read()).toEqual({ kind: 'read', value: 1 })
  advanceSeconds(seconds - 1)
  expect(await read()).toEqual({ kind: 'read', value: 1 })
  expect(asked).toHaveLength(1)
  advanceSeconds(1)
  expect(await read()).toEqual({ kind: 'read', value: 2 })
})

test('CM-4 refusals and documents that are none are not kept, and end what was kept', async () => {
  const { read, advanceSeconds } = cacheOf(gone, saying(undefined), saying(1), gone)
  expect(await read()).toEqual(gone)
  expect(await read()).toEqual({ kind: 'refused', detail: 'content' })
  expect(await read()).toEqual({ kind: 'read', value: 1 })
  advanceSeconds(300)
  expect(await read()).toEqual(gone)
  expect(await read()).toMatchObject({ kind: 'unavailable' })
})

test('JW-8 what is known goes on to be used for a day while a newer one cannot be had', async () => {
  const { read, advanceSeconds } = cacheOf(saying(1))
  await read()
  advanceSeconds(300)
  expect(await read()).toEqual({ kind: 'read', value: 1 })
  advanceSeconds(86_399)
  expect(await read()).toEqual({ kind: 'read', value: 1 })
  advanceSeconds(1)
  expect(await read()).toMatchObject({ kind: 'unavailable' })
})

test('JW-8 asking anew fetches again, once in 30 seconds', async () => {
  const { read, asked, advanceSeconds } = cacheOf(saying(1), saying(2), saying(3))
  await read()
  expect(await read(true)).toEqual({ kind: 'read', value: 1 })
  advanceSeconds(30)
  expect(await read(true)).toEqual({ kind: 'read', value: 2 })
  expect(await read(true)).toEqual({ kind: 'read', value: 2 })
  expect(asked).toHaveLength(2)
})

test('those who ask at once share one fetch', async () => {
  const { read, asked } = cacheOf(saying(1))
  expect(await Promise.all([read(), read(), read(true)])).toEqual(Array(3).fill({ kind: 'read', value: 1 }))
  expect(asked).toHaveLength(1)
})

test('T18.3 a thousand are kept, and the one that was not asked for the longest goes first', async () => {
  const answers = Array.from({ length: 1002 }, () => saying(1))
  const { of, asked } = cacheOf(...answers)
  for (let number = 0; number < 1000; number += 1) await of(`https://${number}.example/`)
  await of('https://0.example/')
  await of('https://1000.example/')
  expect(asked).toHaveLength(1001)
  await of('https://0.example/')
  expect(asked).toHaveLength(1001)
  await of('https://1.example/')
  expect(asked).toHaveLength(1002)
})
