import type { Alone } from './run-alone.ts'

/** The other tabs of the origin that share the session. */
export interface Tabs {
  /** Undefined where there are no locks: then the tabs refresh side by side, and the server makes that safe. */
  readonly alone: Alone | undefined
  /** Tells them that something has changed which they can see for themselves. */
  readonly tell: () => void
  /**
   * Calls the listener when another tab has told of a change.
   *
   * @returns a function that ends it
   */
  readonly hear: (listener: () => void) => () => void
}

/** As much of a browser as is used here. */
declare const navigator:
  | {
      readonly locks?: {
        request(name: string, options: { readonly signal: AbortSignal }, work: () => Promise<void>): Promise<void>
      }
    }
  | undefined
interface Channel {
  onmessage: (() => void) | null
  postMessage(message: unknown): void
  close(): void
  /** Node's alone, where an open channel would keep the process alive. */
  unref?(): void
}
declare const BroadcastChannel: (new (name: string) => Channel) | undefined

/** @param name what those who share a session have in common */
export function openTabs(name: string): Tabs {
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks
  const open = () => (typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name))
  return {
    alone: locks && ((work, signal) => locks.request(name, { signal }, work)),
    tell: () => {
      const channel = open()
      channel?.postMessage(0)
      channel?.close()
    },
    hear: (listener) => {
      const channel = open()
      channel?.unref?.()
      if (channel) channel.onmessage = listener
      return () => channel?.close()
    },
  }
}
