import type { Storage, TransferTarget } from '@pawl/server'

/** Where a move gets to, one after the other. */
const points = ['begun', 'half way', 'written', 'received', 'departed', 'finished'] as const

export type Point = (typeof points)[number]

/** A store to move into that tells how far the move has come, and goes on when it has been heard. */
export function tellingOf(reached: (point: Point) => Promise<void> | undefined, storage: Storage): Storage {
  const { transferTarget } = storage
  if (transferTarget === undefined) throw new Error('it cannot be moved into')
  return { ...storage, transferTarget: () => tellingTarget(reached, transferTarget()) }
}

function tellingTarget(reached: (point: Point) => Promise<void> | undefined, target: TransferTarget): TransferTarget {
  return {
    ...target,
    receive: async (id, work) => {
      await reached('begun')
      const received = await target.receive(id, async (writer, reader) => {
        const halfWay: typeof writer = {
          ...writer,
          sessions: async (batch) => {
            await writer.sessions(batch)
            await reached('half way')
          },
        }
        const result = await work(halfWay, reader)
        await reached('written')
        return result
      })
      await reached('received')
      return received
    },
    finish: async (id) => {
      await reached('departed')
      await target.finish(id)
      await reached('finished')
    },
  }
}
