import type { Session } from '@pawl/client'
import { setUpBench } from './bench.ts'
import { type AuthRequest, openBrowserSession } from './browser-session.ts'
import { button, element, onPress, place, write } from './elements.ts'
import { allowCalls, setUpCalls } from './example-calls.ts'
import { keepLedger } from './ledger.ts'
import { setUpPhoneScenes } from './phone-scenes.ts'
import { drawRatchetWheel } from './ratchet-wheel.ts'
import type { Answer } from './requests.ts'
import { readSettings } from './settings.ts'
import { explainTabs } from './tabs-verdict.ts'
import { drawLives } from './token-lives.ts'
import { createRacingTab, refreshBothTabs } from './two-tabs.ts'
import { entryOf, entryOfRace, explainReason, type Verdict } from './verdict.ts'

const settings = readSettings()
const ledger = keepLedger(place('ledger'), place('announcer'))
const report = (fault: unknown): void => {
  write(place('notice'), `Something in this page failed: ${fault instanceof Error ? fault.message : 'unknown'}`)
}

const wheel = drawRatchetWheel(place('browser-wheel'), 'This browser’s session', settings.raceWindowSeconds * 1000)
const session = openBrowserSession(settings, (request) => {
  tab.note(request)
  tellRequest(request)
})
const { client } = session
const tab = createRacingTab(session, () => update())
const secondTab = `${settings.base}/playground/second-tab`
const updateLives = drawLives(session, () => performance.now())

let standing: Session | undefined
let lastSeen: number | undefined
let refused: string | undefined

const endpoints: ReadonlyMap<string, string> = new Map([
  ['/auth/login', 'signed in'],
  ['/auth/logout', 'signed out'],
  ['/auth/logout-everywhere', 'signed out everywhere'],
])

/** Puts what the client did into the list, in the words of the design. */
function tellRequest(request: AuthRequest): void {
  if (request.kind === 'refresh') tellRefresh(request.verdict, request.answered)
  else tellOther(request.path, request.answer)
}

function tellRefresh(verdict: Verdict, answered: number | undefined): void {
  if (verdict.word === 'repeat') wheel.touch()
  lastSeen = answered ?? lastSeen
  ledger.add(tab.isRacing() ? entryOfRace('this tab', verdict) : entryOf('this tab', verdict))
}

function tellOther(path: string, { status, reason, error }: Answer): void {
  const done = status >= 200 && status < 300
  const name = endpoints.get(path)
  if (!done) {
    const text = explainReason(reason ?? error)
    ledger.add({ who: 'this tab', verdict: path, detail: String(status), reason: text, tone: 'refused' })
  } else if (name !== undefined) {
    ledger.add({ who: 'this tab', verdict: name, reason: reasonOf(path), tone: 'plain' })
  }
}

function reasonOf(path: string): string {
  if (path === '/auth/login')
    return 'Generation 0. Access token to this page’s memory, refresh token to the cookie jar.'
  if (path === '/auth/logout') return 'The session has ended, whatever tokens are still about. The jar is empty.'
  return 'Every session of the user has ended, the phone’s too: its next refresh is refused.'
}

function update(): void {
  const state = session.state()
  if (state !== undefined && lastSeen !== undefined && state.generation > lastSeen && !tab.isRacing()) {
    ledger.add({
      who: 'another tab',
      verdict: 'moved on',
      detail: `${lastSeen} → ${state.generation}`,
      reason: 'Seen in the readable cookie that all tabs share.',
      tone: 'step',
    })
  }
  lastSeen = state?.generation
  const steppedAt = session.steppedAt()
  const ended = standing?.status === 'signed-out' ? standing.reason : undefined
  wheel.show({
    state: state === undefined ? 'none' : 'live',
    generation: state?.generation ?? 0,
    sinceStep: steppedAt === undefined ? undefined : performance.now() - steppedAt,
  })
  updateLives()
  const signedIn = standing !== undefined && standing.status !== 'signed-out'
  allowCalls(signedIn)
  for (const id of ['sign-out', 'sign-out-everywhere', 'play-tabs']) button(id).disabled = !signedIn
  write(place('standing'), standingText(standing, ended))
}

function standingText(now: Session | undefined, ended: string | undefined): string {
  if (now === undefined) return 'Looking for a session.'
  if (now.status === 'active') return `Signed in as ${now.user.username}.`
  if (now.status === 'stale') return 'There is a session, but the server cannot be asked at the moment.'
  if (refused !== undefined) return `Not signed in: ${refused}.`
  return ended === undefined || ended === 'not_signed_in' ? 'Nobody is signed in.' : `Signed out: ${ended}.`
}

function take(now: Session): void {
  standing = now
  if (now.status === 'signed-out') session.forget()
  update()
}

const form = element('credentials', HTMLFormElement)
const readCredentials = () => {
  const username = element('username', HTMLInputElement).value
  const password = element('password', HTMLInputElement).value
  return username === '' || password === '' ? undefined : { username, password }
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const credentials = readCredentials()
  if (credentials === undefined || form.getAttribute('aria-busy') === 'true') return
  form.setAttribute('aria-busy', 'true')
  client
    .signIn(credentials)
    .then((outcome) => {
      write(place('notice'), '')
      refused = outcome.ok ? undefined : outcome.code
      if (outcome.ok) take(outcome.session)
      else update()
    })
    .catch(report)
    .finally(() => form.removeAttribute('aria-busy'))
})

onPress(
  button('sign-out'),
  async () => {
    await client.signOut()
  },
  report,
)
onPress(
  button('sign-out-everywhere'),
  async () => {
    await client.signOut({ everywhere: true })
  },
  report,
)
onPress(
  button('play-tabs'),
  async () => {
    write(place('verdict-tabs'), 'Waiting for the second tab.')
    const met = await refreshBothTabs(secondTab, tab)
    const silent = `The second tab did not answer. If the browser blocked it, open ${secondTab} yourself and try again.`
    write(place('verdict-tabs'), met === undefined ? silent : explainTabs(met))
  },
  report,
)

setUpCalls(client, settings, ledger, report)
const bench = setUpBench(settings, ledger, readCredentials, report)
setUpPhoneScenes(bench, settings, report)

client.onChange(take)
client.session().then(take).catch(report)
setInterval(update, 250)
button('sign-in').disabled = false
if (location.origin !== new URL(settings.issuer).origin) {
  write(
    place('notice'),
    `This server is ${settings.issuer}: open ${settings.issuer}/playground, or its cookies and keys will not fit.`,
  )
}
