import type { AuthRequest, BrowserSession } from './browser-session.ts'
import { member, numberMember, textMember } from './settings.ts'
import type { TabResult, TabsMet } from './tabs-verdict.ts'

/** What the tabs say to each other. Never a token. */
type Message =
  | { readonly kind: 'hello' | 'here' | 'go' | 'ready' }
  | { readonly kind: 'start'; readonly at: number }
  | { readonly kind: 'done'; readonly result: TabResult }

const channelName = 'pawl-playground-tabs'
/** From the word to the start, so that the word has arrived. */
const countdownMilliseconds = 40
const gateMilliseconds = 2000
const mostTries = 5

/** One of the two tabs: lets its client refresh, with the request held back until both stand at the line. */
export interface RacingTab {
  readonly note: (request: AuthRequest) => void
  /** Whether a race is on: then neither tab can see whose refresh was the advance and whose the repeat. */
  readonly isRacing: () => boolean
  readonly race: (gate: () => Promise<void>) => Promise<TabResult>
}

/** Makes a tab that can race. `ready` is called before each race. */
export function createRacingTab(session: BrowserSession, ready: () => void): RacingTab {
  let racing = false
  let sent: readonly { readonly presented: number; readonly attempt: string }[] = []
  return {
    note: (request) => {
      if (request.kind === 'refresh') sent = [...sent, request]
    },
    isRacing: () => racing,
    race: async (gate) => {
      ready()
      sent = []
      racing = true
      session.holdRefresh(gate)
      await session.client.refresh().finally(() => {
        racing = false
      })
      const [first] = sent
      const { jti } = session.access()?.claims ?? {}
      return {
        presented: first?.presented,
        holds: session.state()?.generation,
        attempt: first?.attempt.slice(0, 6) ?? '',
        accessTokenId: typeof jti === 'string' ? jti.slice(0, 6) : '',
      }
    },
  }
}

/**
 * The first tab: finds or opens the second, and lets both refresh at once. On a fast machine the reply to one may come
 * before the other has left; then they try again.
 *
 * @returns undefined when the second tab does not answer
 */
export async function refreshBothTabs(url: string, tab: RacingTab): Promise<TabsMet | undefined> {
  const channel = new BroadcastChannel(channelName)
  const hear = listen(channel)
  try {
    const greeted = hear('here', 400)
    say(channel, { kind: 'hello' })
    if ((await greeted) === undefined) {
      // A new tab says so by itself, once it has looked for the session.
      const opened = hear('here', 15_000)
      if (window.open(url, 'pawl-second-tab', 'popup,width=460,height=760') === null) return undefined
      if ((await opened) === undefined) return undefined
    }
    let met: TabsMet | undefined
    for (let tries = 0; tries < mostTries; tries += 1) {
      const ready = hear('ready', gateMilliseconds)
      const done = hear('done', 15_000)
      say(channel, { kind: 'go' })
      const own = await tab.race(async () => {
        await ready
        const at = Date.now() + countdownMilliseconds
        say(channel, { kind: 'start', at })
        await until(at)
      })
      const answer = await done
      if (answer?.kind !== 'done') return undefined
      met = { own, other: answer.result }
      if (own.presented === answer.result.presented) return met
    }
    return met
  } finally {
    channel.close()
  }
}

/** The second tab: says that it is there, and races when the first says so. */
export function followFirstTab(tab: RacingTab, report: (fault: unknown) => void): void {
  const channel = new BroadcastChannel(channelName)
  const hear = listen(channel)
  channel.addEventListener('message', (event) => {
    const message = readMessage(event.data)
    if (message?.kind === 'hello') say(channel, { kind: 'here' })
    if (message?.kind !== 'go') return
    tab
      .race(async () => {
        const start = hear('start', gateMilliseconds)
        say(channel, { kind: 'ready' })
        const word = await start
        if (word?.kind === 'start') await until(word.at)
      })
      .then((result) => say(channel, { kind: 'done', result }))
      .catch(report)
  })
  say(channel, { kind: 'here' })
}

async function until(instant: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, instant - Date.now())))
}

function say(channel: BroadcastChannel, message: Message): void {
  channel.postMessage(message)
}

/** Waits for a message of a kind, so long at most. */
function listen(
  channel: BroadcastChannel,
): (kind: Message['kind'], milliseconds: number) => Promise<Message | undefined> {
  return (kind, milliseconds) =>
    new Promise((resolve) => {
      const finish = (message: Message | undefined) => {
        clearTimeout(timer)
        channel.removeEventListener('message', hear)
        resolve(message)
      }
      const hear = (event: MessageEvent) => {
        const message = readMessage(event.data)
        if (message?.kind === kind) finish(message)
      }
      const timer = setTimeout(() => finish(undefined), milliseconds)
      channel.addEventListener('message', hear)
    })
}

function readMessage(data: unknown): Message | undefined {
  const kind = textMember(data, 'kind')
  if (kind === 'hello' || kind === 'here' || kind === 'go' || kind === 'ready') return { kind }
  if (kind === 'start') return { kind, at: numberMember(data, 'at') ?? Date.now() }
  if (kind !== 'done') return undefined
  const result = member(data, 'result')
  return {
    kind,
    result: {
      presented: numberMember(result, 'presented'),
      holds: numberMember(result, 'holds'),
      attempt: textMember(result, 'attempt') ?? '',
      accessTokenId: textMember(result, 'accessTokenId') ?? '',
    },
  }
}
