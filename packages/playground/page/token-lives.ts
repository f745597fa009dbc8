import type { SessionState } from '@pawl/protocol'
import type { AccessView, BrowserSession } from './browser-session.ts'
import { element, make, place, write } from './elements.ts'

/** Claims of an access token, with what each is for. */
const claims = [
  ['iss', 'who issued it'],
  ['sub', 'the user'],
  ['aud', 'the API it is meant for'],
  ['exp', 'until when it opens'],
  ['iat', 'when it was made'],
  ['jti', 'its own number'],
  ['client_id', 'the application'],
  ['sid', 'the session'],
  ['auth_time', 'when the user signed in'],
  ['amr', 'how'],
  ['roles', 'what the user is'],
] as const

/** Draws the lives of both tokens, and the claims of the one that can be read. */
export function drawLives(session: BrowserSession, now: () => number): () => void {
  place('claims').replaceChildren(
    ...claims.map(([name, meaning]) => {
      const value = make('dd', 'claim-value mono', '–')
      value.id = `claim-${name}`
      return make('div', 'claim', make('dt', 'mono', name), value, make('dd', 'soft', meaning))
    }),
  )
  const accessFill = fillOf('access-track')
  const notch = place('access-notch')
  const refreshFill = fillOf('refresh-track')
  let longest = 1
  const drawAccess = (access: AccessView | undefined) => {
    const left = access === undefined ? 0 : Math.max(0, access.expiresAt - now())
    draw(accessFill, access === undefined ? 0 : left / access.lifetime)
    notch.hidden = access === undefined
    const due = access === undefined ? 0 : (access.expiresAt - access.refreshAt) / access.lifetime
    notch.style.setProperty('left', `${(due * 100).toFixed(2)}%`)
    const rest = left > 0 ? `${Math.ceil(left / 1000)} s left` : 'expired'
    write(place('access-left'), access === undefined ? 'none' : rest)
    for (const [name] of claims) {
      write(place(`claim-${name}`), access === undefined ? '–' : claimText(name, access.claims[name]))
    }
  }

  const drawRefresh = (state: SessionState | undefined) => {
    const left = state === undefined ? 0 : Math.max(0, state.expiresAt - Date.now() / 1000)
    longest = state === undefined ? 1 : Math.max(longest, left)
    draw(refreshFill, left / longest)
    write(place('refresh-left'), state === undefined ? 'none' : `${longText(left)} left`)
    write(place('fact-generation'), state === undefined ? '–' : String(state.generation))
    write(place('fact-session'), state?.sessionId ?? '–')
    write(place('fact-ends'), state === undefined ? '–' : `${dateText(state.expiresAt)}, unless it is used before`)
  }

  return () => {
    const state = session.state()
    drawAccess(state === undefined ? undefined : session.access())
    drawRefresh(state)
  }
}

function fillOf(id: string): HTMLElement {
  const fill = element(id, HTMLElement).querySelector('.fill')
  if (!(fill instanceof HTMLElement)) throw new Error(`${id} has no fill`)
  return fill
}

function draw(fill: HTMLElement, share: number): void {
  fill.style.setProperty('transform', `scaleX(${Math.min(1, Math.max(0, share)).toFixed(4)})`)
}

function claimText(name: string, value: unknown): string {
  if (value === undefined) return '–'
  if (typeof value === 'number' && /^(?:exp|iat|auth_time)$/.test(name))
    return `${value} · ${new Date(value * 1000).toLocaleTimeString('en-GB')}`
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ')
  return String(value)
}

function longText(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  if (days > 0) return `${days} d ${hours} h`
  const minutes = Math.floor((seconds % 3600) / 60)
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(seconds % 60)} s`
}

function dateText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}
