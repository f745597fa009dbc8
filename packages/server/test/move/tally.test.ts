import { describe, expect, test } from 'vitest'
import { startTally } from '../../src/move/tally.ts'

function tallyOf(...batches: readonly unknown[][]): unknown {
  const tally = startTally()
  for (const batch of batches) tally.add(batch)
  return tally.total()
}

describe('a tally', () => {
  test('is the same however the records come in batches, their members in order and their bytes in memory', () => {
    const bytes = new Uint8Array([0, 255])
    const one = tallyOf([{ id: 1, seed: bytes }, { id: 2 }], [])
    expect(tallyOf([{ seed: Buffer.from(bytes), id: 1 }], [{ id: 2 }])).toEqual(one)
    expect(one).toMatchObject({ count: 2 })
  })

  test.each([
    ['order', [{ id: 1 }, { id: 2 }], [{ id: 2 }, { id: 1 }]],
    ['number and text', [{ id: 1 }], [{ id: '1' }]],
    ['null and its name', [{ id: null }], [{ id: 'null' }]],
    ['null and nothing', [{ id: null }], [{}]],
    ['bytes and their spelling', [{ id: new Uint8Array([1]) }], [{ id: '<01>' }]],
    ['one record and two', [{ id: 1, no: 2 }], [{ id: 1 }, { no: 2 }]],
    ['a list and what looks like it', [{ of: ['a,b'] }], [{ of: ['a', 'b'] }]],
    ['a record that is there twice', [{ id: 1 }], [{ id: 1 }, { id: 1 }]],
  ])('tells %s apart', (_, one, other) => {
    expect(tallyOf(one)).not.toEqual(tallyOf(other))
  })
})
