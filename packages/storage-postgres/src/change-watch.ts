import { setTimeout as pause } from 'node:timers/promises'
import { flag, integer, text } from '@pawl/server/stored-columns'
import type { Client } from 'pg'
import { connectTo, disconnect } from './connecting.ts'
import type { DatabaseLocation } from './connection-settings.ts'
import type { Database } from './database.ts'
import { standbyRefused } from './driver-errors.ts'
import { reading } from './statement.ts'

/** How a node learns that another one changed something: told by the server, by looking, or not yet known. */
export type WatchMode = 'listening' | 'reading' | 'starting'

/** What a node knows of the version of the key ring without asking, which grows with every change. */
export interface ChangeWatch {
  /** Begins to watch; returns at once. */
  start(): void
  /** Stops watching and lets go of the connection. */
  stop(): Promise<void>
  mode(): WatchMode
  /** Resolves once it is known how changes will be learned of. */
  decided(): Promise<void>
  /** The version, unless the last contact is so old that it would have to be asked for. */
  knownVersion(): number | undefined
  /** Notes what a statement that was sent at an instant of `monotonic` has shown. */
  saw(version: number, sentAt: number): void
  /**
   * Calls `listener` whenever something may have changed: at once where the server tells, otherwise within the time
   * between two looks. Returns what takes it back.
   */
  onChange(listener: () => void): () => void
}

/** What a watch is made of. */
export interface WatchParts {
  readonly database: Database
  readonly schema: string
  /** Where to listen: the unpooled way to the database, if one was given. */
  readonly direct: DatabaseLocation | undefined
  readonly location: DatabaseLocation
  /** A name that no other node has. */
  readonly node: string
  /** Milliseconds that only move forward. */
  readonly monotonic: () => number
  /** A fraction from 0 inclusive to 1 exclusive. */
  readonly fraction: () => number
}

/** What was seen less than this long ago is as good as asked for. */
const freshMilliseconds = 1000

/** Between two looks at a connection that is told of changes: only to notice that it is dead. */
const heartbeatMilliseconds = 400

/** Between two looks where nobody tells. */
const readingMilliseconds = 100

/** How long the server has to deliver the one notification by which listening proves that it works. */
const probeMilliseconds = 2000

/** Pauses before it is tried again to connect or to listen. */
const shortestPause = 100
const longestPause = 10_000

/** The name of the channel on which changes of a schema are told. */
export function channelOf(schema: string): string {
  return schema
}

/** Watches for changes by other nodes. */
export function changeWatch(parts: WatchParts): ChangeWatch {
  const { database, schema, direct, location, node, monotonic, fraction } = parts
  const listeners = new Set<() => void>()
  const stopping = new AbortController()
  const read = reading(
    'read_changes',
    `SELECT version, epoch || '.' || sequence AS revoked FROM "${schema}".key_ring, "${schema}".revocation_feed`,
  )
  let revoked: string | undefined
  let known: { readonly version: number; readonly at: number } | undefined
  let mode: WatchMode = 'starting'
  let running: Promise<void> | undefined
  const decided = Promise.withResolvers<void>()

  function follow(by: 'listening' | 'reading'): void {
    mode = by
    decided.resolve()
  }

  function changed(): void {
    for (const listener of [...listeners]) listener()
  }

  function saw(version: number, sentAt: number): void {
    // An answer to an older question may arrive late. A version that is lower all the same is one of a restored backup.
    if (known !== undefined && version < known.version && sentAt < known.at) return
    const isNew = known !== undefined && known.version !== version
    known = { version, at: Math.max(sentAt, known?.at ?? sentAt) }
    if (isNew) changed()
  }

  function sawRevoked(position: string): void {
    const isNew = revoked !== undefined && revoked !== position
    revoked = position
    if (isNew) changed()
  }

  /** Waits, without keeping the process alive; throws once the watch is to stop. */
  function wait(milliseconds: number): Promise<void> {
    return pause(milliseconds, undefined, { ref: false, signal: stopping.signal })
  }

  /** Whether a notification that is sent by another connection arrives at this one. Behind some poolers none does. */
  async function hears(client: Client): Promise<boolean> {
    const probe = `probe ${node}`
    const heard = Promise.withResolvers<boolean>()
    client.on('notification', ({ payload }) => {
      if (payload === probe) heard.resolve(true)
    })
    await client.query(`LISTEN "${channelOf(schema)}"`)
    await database.change({ name: 'notify', text: 'SELECT pg_notify($1, $2)' }, [channelOf(schema), probe])
    return Promise.race([heard.promise, wait(probeMilliseconds).then(() => false)])
  }

  function take(payload: string | undefined): void {
    if (payload?.startsWith('revocations ')) changed()
    const version = Number(payload)
    if (!Number.isSafeInteger(version) || payload === '') return
    // On its way it may have been overtaken by a look that shows more.
    if (known === undefined || version > known.version) saw(version, monotonic())
  }

  async function heartbeats(client: Client): Promise<void> {
    for (;;) {
      const sentAt = monotonic()
      const { rows } = await client.query({ text: read.text, values: [null] })
      if (flag(rows[0], 'on_standby')) throw standbyRefused()
      saw(integer(rows[0], 'version'), sentAt)
      sawRevoked(text(rows[0], 'revoked'))
      await wait(heartbeatMilliseconds)
    }
  }

  /** Listens until the connection breaks. False: from there nobody is told anything. */
  async function listen(): Promise<boolean> {
    const { client, pooled } = await connectTo(direct ?? location)
    try {
      if (pooled && direct === undefined) return false
      client.on('notification', ({ payload }) => take(payload))
      if (!(await hears(client))) return false
      follow('listening')
      await heartbeats(client)
      return true
    } finally {
      await disconnect(client)
    }
  }

  async function look(): Promise<void> {
    const sentAt = monotonic()
    const { rows } = await database.read(read)
    const [row] = rows
    if (row === undefined) return
    saw(integer(row, 'version'), sentAt)
    sawRevoked(text(row, 'revoked'))
  }

  /** Looks every so often, for so many milliseconds. */
  async function readFor(milliseconds: number): Promise<void> {
    follow('reading')
    const since = monotonic()
    for (let failures = 0; monotonic() - since < milliseconds; ) {
      failures = await look().then(
        () => 0,
        () => failures + 1,
      )
      await wait(readingMilliseconds * Math.min(2 ** failures, 10) * (failures > 0 ? 0.5 + fraction() : 1))
    }
  }

  async function run(): Promise<void> {
    for (let longest = shortestPause; !stopping.signal.aborted; longest = Math.min(2 * longest, longestPause)) {
      const begun = monotonic()
      const told = await listen().catch(() => undefined)
      if (told === false) longest = longestPause
      // A connection that has lasted is made anew at once.
      else if (monotonic() - begun > longestPause) longest = shortestPause
      await readFor(longest * (0.5 + fraction() / 2)).catch(() => {})
    }
  }

  return {
    start() {
      running ??=
        database.isPooled() && direct === undefined ? readFor(Number.POSITIVE_INFINITY).catch(() => {}) : run()
    },
    async stop() {
      stopping.abort()
      decided.resolve()
      await running
    },
    mode: () => mode,
    decided: () => decided.promise,
    knownVersion() {
      return known !== undefined && monotonic() - known.at < freshMilliseconds ? known.version : undefined
    },
    saw,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
