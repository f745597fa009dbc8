import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEventStreamReader, type StreamEvent } from '../src/event-stream.ts'

/** The events that come out of some pieces; undefined when one of them is too large. */
function readAll(pieces: readonly string[], largest = 1_000): StreamEvent[] | undefined {
  const events: StreamEvent[] = []
  const read = createEventStreamReader(largest, (event) => events.push(event))
  return pieces.every(read) ? events : undefined
}

const message = (data: string, more: Partial<StreamEvent> = {}): StreamEvent => {
  return { event: 'message', data, id: undefined, ...more }
}

describe('server-sent events', () => {
  test.each<[string, StreamEvent[]]>([
    ['data: a\n\n', [message('a')]],
    ['data:a\n\n', [message('a')]],
    ['data:  a\n\n', [message(' a')]],
    ['data: a: b\n\n', [message('a: b')]],
    ['data\n\n', [message('')]],
    ['data: a\ndata: b\n\n', [message('a\nb')]],
    ['id: 1\nevent: x\ndata: a\n\n', [message('a', { id: '1', event: 'x' })]],
    ['data: a\n\ndata: b\n\n', [message('a'), message('b')]],
    ['id: 1\nevent: x\ndata: a\n\ndata: b\n\n', [message('a', { id: '1', event: 'x' }), message('b')]],
    [': comment\n\n: more\ndata: a\n\n', [message('a')]],
    ['retry: 5\nother: x\ndata: a\n\n', [message('a')]],
    ['event: x\n\ndata: a\n\n', [message('a')]],
    ['data: a\n', []],
    ['data: a', []],
    ['\n\n\n', []],
  ])('%j', (text, events) => {
    expect(readAll([text])).toEqual(events)
  })

  test('every way to end a line, and every way to cut the text, comes to the same', () => {
    const text = 'id: 1\nevent: x\ndata: a\n\n: c\ndata: b\ndata: c\n\n'
    const expected = [message('a', { id: '1', event: 'x' }), message('b\nc')]
    fc.assert(
      fc.property(fc.constantFrom('\n', '\r', '\r\n'), fc.array(fc.nat({ max: 60 })), (end, cuts) => {
        const whole = text.replaceAll('\n', end)
        const places = [0, ...cuts.filter((cut) => cut <= whole.length).sort((a, b) => a - b), whole.length]
        const pieces = places.slice(1).map((place, index) => whole.slice(places[index], place))
        expect(readAll(pieces)).toEqual(expected)
      }),
    )
  })

  test('an event that grows beyond the largest size is told, in one piece or drop by drop', () => {
    expect(readAll([`data: ${'x'.repeat(94)}\n\n`], 100)).toHaveLength(1)
    expect(readAll([`data: ${'x'.repeat(95)}\n\n`], 100)).toBeUndefined()
    expect(
      readAll(
        Array.from({ length: 200 }, () => 'x'),
        100,
      ),
    ).toBeUndefined()
    expect(
      readAll(
        Array.from({ length: 60 }, () => 'data: x\n'),
        100,
      ),
    ).toBeUndefined()
    expect(
      readAll(
        Array.from({ length: 60 }, () => ': x\n'),
        100,
      ),
    ).toBeUndefined()
    expect(
      readAll(
        Array.from({ length: 60 }, () => ': x\n\n'),
        100,
      ),
    ).toEqual([])
  })
})
