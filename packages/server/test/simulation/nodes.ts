import type { RefreshKeys } from '../../src/tokens/token-signer.ts'
import { type Choices, equally } from './choices.ts'
import type { Reply } from './request.ts'

/** A refresh key, and from when on it is used. */
export interface RefreshKeyAtWork {
  readonly id: string
  readonly key: Uint8Array
  readonly activeFrom: number
}

/** One server process. */
export interface Node {
  readonly name: string
  /** How far its own clock is from the others', in milliseconds. Only durations may be taken from it. */
  readonly skew: number
  alive: boolean
  /** The keys that it has loaded; there may be newer ones. */
  keys: readonly RefreshKeyAtWork[]
  /** Who waits for an answer of it. */
  readonly waiting: Set<(reply: Reply) => void>
}

/** The server processes, and the refresh keys that operators give them. */
export interface Nodes {
  readonly all: readonly Node[]
  /** One that is alive, as the schedule wants. */
  readonly choose: (choices: Choices) => Node
  /** Its requests break off; their holders cannot tell whether something was written. */
  readonly crash: (node: Node) => void
  /** Its configuration is the old one: keys that it had not loaded it has not loaded now. */
  readonly restart: (node: Node) => void
  /** A new key for new tokens, from an instant on that lies ahead. No node has loaded it yet. */
  readonly addKey: (activeFrom: number) => void
  readonly keyCount: () => number
  readonly isBehind: (node: Node) => boolean
  readonly loadKeys: (node: Node) => void
  /** The port through which a request on a node gets its keys. */
  readonly refreshKeys: (node: Node, onMissing?: () => void) => RefreshKeys
}

function keyNamed(name: number, activeFrom: number): RefreshKeyAtWork {
  return { id: Buffer.alloc(8, name).toString('base64url'), key: new Uint8Array(32).fill(name), activeFrom }
}

/** Starts some nodes with one key. */
export function createNodes(count: number): Nodes {
  const keys = [keyNamed(1, 0)]
  const all: readonly Node[] = Array.from({ length: count }, (_, index) => ({
    name: `node${index}`,
    skew: index * 47_000,
    alive: true,
    keys: [...keys],
    waiting: new Set(),
  }))
  return {
    all,
    choose: (choices) => {
      const alive = all.filter((node) => node.alive)
      const chosen = alive[choices.pick(equally(...alive.map(({ name }) => `at ${name}`)))]
      if (chosen === undefined) throw new Error('no node is alive')
      return chosen
    },
    crash: (node) => {
      node.alive = false
      for (const resolve of node.waiting) resolve('lost')
      node.waiting.clear()
    },
    restart: (node) => {
      node.alive = true
    },
    addKey: (activeFrom) => {
      keys.push(keyNamed(keys.length + 1, activeFrom))
    },
    keyCount: () => keys.length,
    isBehind: (node) => node.keys.length < keys.length,
    loadKeys: (node) => {
      node.keys = [...keys]
    },
    refreshKeys: (node, onMissing) => ({
      activeRefreshKey: async (now) => {
        const active = node.keys.findLast((known) => known.activeFrom <= now)
        if (active === undefined) throw new Error('no refresh key in use')
        return active
      },
      refreshKey: async (id) => {
        const held = node.keys.find((known) => known.id === id)
        if (held !== undefined) return held
        if (!keys.some((known) => known.id === id)) return 'unknown'
        onMissing?.()
        return 'not_loaded'
      },
    }),
  }
}
