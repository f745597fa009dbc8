import { AsyncLocalStorage } from 'node:async_hooks'
import { createPawl, type Pawl, type PawlConfiguration, type Storage } from '@pawl/server'
import { storageUnavailable } from '@pawl/server/storage-unavailable'
import { type AnswerRequest, connectionLost, type InnerFault } from './meet-fault.ts'
import { isCommit, viewStore } from './store-view.ts'

/** The issuer as one node after another on one store. */
export interface IssuerNodes {
  /** Answers a request; rejects as `fetch` does when the node dies meanwhile. */
  readonly answer: AnswerRequest
  /** Kills the node. What was under way is lost; the next request finds a new node on the same store. */
  readonly kill: () => void
  readonly ready: () => Promise<void>
  readonly close: () => Promise<void>
}

interface Node {
  readonly pawl: Pawl
  /** Rejects when the node dies, and never resolves. */
  readonly death: Promise<never>
  readonly die: (why: string) => void
}

/** As a store is that does not answer; also that of a dead node, which must not write any more. */
const unavailable = () => Promise.reject<void>(storageUnavailable(undefined))

/** A fault inside the issuer, and whether it has happened. */
interface Pending extends InnerFault {
  happened: boolean
}

/** @param options.delay waits that many milliseconds of the test clock */
export function createIssuerNodes(options: {
  readonly store: Storage
  readonly configuration: PawlConfiguration
  readonly delay: (milliseconds: number) => Promise<void>
}): IssuerNodes {
  const { store, configuration, delay } = options
  /** Which request of which fault the store is being asked for: several are under way at once. */
  const working = new AsyncLocalStorage<Pending>()
  let current: Node | undefined

  function startNode(): Node {
    const { promise: death, reject } = Promise.withResolvers<never>()
    // Nobody may be listening when it happens.
    death.catch(() => undefined)
    let dead = false
    const storage = viewStore(store, {
      before: (method) => {
        const pending = working.getStore()
        if (dead || pending?.fault === 'store-away') return unavailable()
        if (pending?.fault !== 'delay-commit' || pending.happened || !isCommit(method)) return undefined
        pending.happened = true
        return delay(pending.milliseconds).then(() => (dead ? unavailable() : undefined))
      },
      after: (method, answer) => {
        const pending = working.getStore()
        // False: another request won, and nothing was written.
        if (pending?.fault !== 'kill-after-commit' || pending.happened || !isCommit(method) || answer === false) return
        pending.happened = true
        node.die(pending.fault)
        throw storageUnavailable(undefined)
      },
    })
    const node: Node = {
      pawl: createPawl({ ...configuration, storage }),
      death,
      die: (why) => {
        dead = true
        if (current === node) current = undefined
        reject(connectionLost(why))
        // Only its timers are left to be stopped; whatever else it tries now fails.
        node.pawl.close().catch(() => undefined)
      },
    }
    return node
  }

  function living(): Node {
    current ??= startNode()
    return current
  }

  return {
    answer: async (request, inner) => {
      const node = living()
      const ask = () => node.pawl.fetch(request, { remoteAddress: '127.0.0.1' })
      if (inner === undefined) return await Promise.race([ask(), node.death])
      const pending: Pending = { ...inner, happened: false }
      const reply = await Promise.race([working.run(pending, ask), node.death])
      if (inner.fault === 'kill-after-commit') {
        // Nothing was written: then it dies with the answer on its lips.
        node.die(inner.fault)
        throw connectionLost(inner.fault)
      }
      return reply
    },
    kill: () => living().die('the node was killed'),
    ready: () => living().pawl.ready(),
    close: async () => {
      await current?.pawl.close()
    },
  }
}
