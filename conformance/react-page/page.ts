import { type Client, createClient } from '@pawl/client'
import { SessionProvider, useClient, useSession } from '@pawl/client/react'
import { createElement, StrictMode, useEffect } from 'react'
import { createRoot, type Root } from 'react-dom/client'

/** As much of the page as is used here. */
declare const document: { getElementById(id: string): HTMLElement }
type HTMLElement = Parameters<typeof createRoot>[0]

/** What the test drives. */
export interface ReactPage {
  client: Client
  /** Subscriptions to the client that have begun and not ended. */
  subscriptions: number
  /** How often the component's effect ran: twice for each mount in StrictMode. */
  mounts: number
  readonly mount: () => void
  readonly unmount: () => void
  /** As a module that is exchanged while the page lives: everything of before goes, and all begins anew. */
  readonly replaceModule: () => void
}

let root: Root | undefined

const page: ReactPage = {
  client: counted(createClient()),
  subscriptions: 0,
  mounts: 0,
  mount: () => {
    root = createRoot(document.getElementById('root'))
    root.render(createElement(StrictMode, null, createElement(Application)))
  },
  unmount: () => root?.unmount(),
  replaceModule: () => {
    page.unmount()
    page.client.dispose()
    page.client = counted(createClient())
    page.mount()
  },
}

/** The client, with its subscriptions counted. */
function counted(client: Client): Client {
  return {
    ...client,
    onChange: (listener) => {
      page.subscriptions += 1
      const stop = client.onChange(listener)
      return () => {
        page.subscriptions -= 1
        stop()
      }
    },
  }
}

function Application() {
  return createElement(SessionProvider, { client: page.client }, createElement(Greeting), createElement(Sessions))
}

function Greeting() {
  const session = useSession()
  return createElement('p', { id: 'greeting' }, session.status === 'active' ? session.user.username : session.status)
}

/** Fetches in an effect, as components do. */
function Sessions() {
  const client = useClient()
  useEffect(() => {
    page.mounts += 1
    void client.fetch('/auth/session')
    void client.fetch('/auth/sessions')
  }, [client])
  return null
}

Object.assign(globalThis, { page })
