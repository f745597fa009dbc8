import { isStorageUnavailable, storageUnavailable } from '@pawl/server/storage-unavailable'
import { describe, expect, test } from 'vitest'
import { gather, type Lane, notYet } from '../src/gather.ts'

/** A sender that waits until it is told how its batches end. */
function heldLane(more: Partial<Lane<string, string>> = {}) {
  const sent: { asks: readonly string[]; ends: PromiseWithResolvers<readonly (string | typeof notYet)[]> }[] = []
  const { ask, settled } = gather<string, string>({
    most: 3,
    monotonic: () => 0,
    send(asks) {
      const ends = Promise.withResolvers<readonly (string | typeof notYet)[]>()
      sent.push({ asks, ends })
      return ends.promise
    },
    ...more,
  })
  const batch = async (index: number) => {
    for (;;) {
      const found = sent[index]
      if (found !== undefined) return found
      await new Promise(setImmediate)
    }
  }
  return { ask, settled, batch, batches: () => sent.map(({ asks }) => asks) }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
}

describe('gathering', () => {
  test('what arrives in one turn goes together, at the end of the turn; what arrives later waits for the answers', async () => {
    const { ask, batch, batches } = heldLane()
    const first = [ask('a'), ask('b')]
    await Promise.resolve()
    first.push(ask('c'))
    const one = await batch(0)
    const second = [ask('d'), ask('e')]
    await turns(5)
    expect(batches()).toEqual([['a', 'b', 'c']])
    one.ends.resolve(['A', 'B', 'C'])
    expect(await Promise.all(first)).toEqual(['A', 'B', 'C'])
    ;(await batch(1)).ends.resolve(['D', 'E'])
    expect(await Promise.all(second)).toEqual(['D', 'E'])
    expect(batches()).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ])
  })

  test('no more than so many go together, in their order', async () => {
    const { ask, batch } = heldLane()
    const answers = Promise.all(['a', 'b', 'c', 'd', 'e'].map(ask))
    ;(await batch(0)).ends.resolve(['A', 'B', 'C'])
    ;(await batch(1)).ends.resolve(['D', 'E'])
    expect(await answers).toEqual(['A', 'B', 'C', 'D', 'E'])
  })

  test('F9 of asks with one key the second waits for the outcome of the first', async () => {
    const { ask, batch, batches } = heldLane({ keyOf: (word) => word.charAt(0) })
    const answers = Promise.all(['a1', 'a2', 'b1', 'a3', 'c1', 'b2'].map(ask))
    ;(await batch(0)).ends.resolve(['1', '2', '3'])
    ;(await batch(1)).ends.resolve(['4', '5'])
    ;(await batch(2)).ends.resolve(['6'])
    expect(await answers).toEqual(['1', '4', '2', '6', '3', '5'])
    expect(batches()).toEqual([['a1', 'b1', 'c1'], ['a2', 'b2'], ['a3']])
  })

  test('F9 what was not settled goes out again, and holds up nobody else', async () => {
    const { ask, batch } = heldLane()
    const answers = [ask('a'), ask('b')]
    ;(await batch(0)).ends.resolve([notYet, 'B'])
    expect(await answers[1]).toBe('B')
    ;(await batch(1)).ends.resolve([notYet])
    ;(await batch(2)).ends.resolve(['A'])
    expect(await answers[0]).toBe('A')
  })

  test('F9 what is not settled for four and a half seconds is a store that is away', async () => {
    let instant = 0
    const { ask, batch } = heldLane({ monotonic: () => instant })
    const answer = ask('a')
    instant = 4499
    ;(await batch(0)).ends.resolve([notYet])
    const again = await batch(1)
    instant = 4500
    again.ends.resolve([notYet])
    await expect(answer).rejects.toSatisfy(isStorageUnavailable)
  })

  test('F9 one that cannot be sent fails alone', async () => {
    const batches: (readonly string[])[] = []
    const { ask } = gather<string, string>({
      most: 10,
      monotonic: () => 0,
      async send(asks) {
        batches.push(asks)
        if (asks.includes('poison')) throw new TypeError('poison')
        return asks.map((word) => word.toUpperCase())
      },
    })
    const answers = await Promise.allSettled([ask('a'), ask('poison'), ask('b')])
    expect(answers).toMatchObject([{ value: 'A' }, { reason: { message: 'poison' } }, { value: 'B' }])
    expect(batches).toEqual([['a', 'poison', 'b'], ['a'], ['poison'], ['b']])
  })

  test('a store that is away is so for all of them, and is not asked again', async () => {
    const { ask, batch, batches } = heldLane()
    const answers = Promise.allSettled(['a', 'b'].map(ask))
    ;(await batch(0)).ends.reject(storageUnavailable(new Error('gone')))
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await turns(5)
    expect(batches()).toHaveLength(1)
  })

  test('T10.3 who has waited for a second behind a batch that fails is told with it; who came later has a try', async () => {
    let instant = 0
    const { ask, batch } = heldLane({ monotonic: () => instant })
    const first = Promise.allSettled([ask('a')])
    const held = await batch(0)
    const early = Promise.allSettled([ask('b')])
    instant = 1000
    const late = ask('c')
    held.ends.reject(storageUnavailable(new Error('gone')))
    expect((await first)[0]?.status).toBe('rejected')
    expect((await early)[0]?.status).toBe('rejected')
    const next = await batch(1)
    expect(next.asks).toEqual(['c'])
    next.ends.resolve(['C'])
    expect(await late).toBe('C')
  })

  test('it is settled once everything was answered, one way or the other', async () => {
    const { ask, settled, batch } = heldLane()
    await settled()
    const order: string[] = []
    const answers = Promise.allSettled([ask('a').then(() => order.push('a')), ask('b').catch(() => order.push('b'))])
    const done = settled().then(() => order.push('settled'))
    ;(await batch(0)).ends.resolve(['A', notYet])
    ;(await batch(1)).ends.reject(storageUnavailable(new Error('gone')))
    await Promise.all([answers, done])
    expect(new Set(order)).toEqual(new Set(['a', 'b', 'settled']))
    expect(order[0]).toBe('a')
  })
})
