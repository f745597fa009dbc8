import { button, make, onPress, place, write } from './elements.ts'
import type { Ledger } from './ledger.ts'
import { type HolderName, type HolderView, type Phone, signInPhone } from './phone.ts'
import { drawRatchetWheel, type RatchetWheel } from './ratchet-wheel.ts'
import type { Answer } from './requests.ts'
import type { Settings } from './settings.ts'
import { entryOf, explainReason, type Verdict } from './verdict.ts'

/** The bench with the phone, as its scenes use it. */
export interface Bench {
  /** The phone signed in; signs it in first if it is not, or its session has ended. Undefined: it could not. */
  readonly phone: () => Promise<Phone | undefined>
  /** The phone as it is, its session ended or not. */
  readonly present: () => Phone | undefined
  /** Lets a holder refresh, and shows what came of it. */
  readonly refresh: (holder: HolderName, how?: 'lose' | 'bare') => Promise<Verdict>
  readonly callApi: (holder: HolderName) => Promise<Answer>
  readonly askServer: (holder: HolderName) => Promise<Answer>
  readonly steal: () => void
  /** Calls back whenever something may have changed, and a few times a second. */
  readonly onTick: (tick: () => void) => void
}

/** Where the name and the password come from: the form at the top, read when they are needed and kept nowhere else. */
export type ReadCredentials = () => { readonly username: string; readonly password: string } | undefined

const names: Readonly<Record<HolderName, string>> = { owner: 'phone', thief: 'thief', backup: 'backup' }

/** Sets the bench up: one session, its wheel, and two holders with their buttons. */
export function setUpBench(
  settings: Settings,
  ledger: Ledger,
  read: ReadCredentials,
  report: (fault: unknown) => void,
): Bench {
  const windowMilliseconds = settings.raceWindowSeconds * 1000
  const wheel = drawRatchetWheel(place('phone-wheel'), 'The phone’s session', windowMilliseconds)
  const ticks: (() => void)[] = []
  let phone: Phone | undefined

  const changed = () => {
    showWheel(wheel, phone)
    showHolder('owner', phone)
    showHolder('thief', phone)
    button('sign-in-phone').textContent =
      phone === undefined || phone.standing().ended === undefined ? 'Sign the phone in' : 'Sign it in again'
    button('sign-in-phone').disabled = phone !== undefined && phone.standing().ended === undefined
    for (const tick of ticks) tick()
  }

  const signIn = async (): Promise<Phone | undefined> => {
    const who = read()
    if (who === undefined) {
      write(place('phone-text'), 'Type the password above first: the phone signs in with it.')
      return undefined
    }
    const outcome = await signInPhone(settings, who)
    if ('status' in outcome) {
      ledger.add({
        who: 'phone',
        verdict: 'sign-in refused',
        detail: String(outcome.status),
        reason: explainReason(outcome.reason ?? outcome.error),
        tone: 'refused',
      })
      write(place('phone-text'), 'The sign-in was refused. Is the password above right?')
      return undefined
    }
    phone = outcome
    ledger.add({
      who: 'phone',
      verdict: 'signed in',
      detail: 'generation 0',
      reason: 'A session of its own, with its tokens in the reply’s body.',
      tone: 'plain',
    })
    write(place('phone-text'), `Signed in: session ${phone.standing().sessionId}`)
    for (const holder of ['owner', 'thief'] as const) write(place(`${holder}-last`), '')
    changed()
    return phone
  }

  const present = (): Phone => {
    if (phone === undefined) throw new Error('the phone is not signed in')
    return phone
  }

  const bench: Bench = {
    phone: async () => (phone !== undefined && phone.standing().ended === undefined ? phone : signIn()),
    present: () => phone,
    refresh: async (holder, how) => {
      const verdict = await present().refresh(holder, how)
      const lost = how === 'lose' ? ' The reply was thrown away before the phone could read it.' : ''
      ledger.add({ ...entryOf(names[holder], verdict), reason: verdict.rule + lost })
      if (verdict.word === 'repeat') wheel.touch()
      if (holder !== 'backup') say(holder, how === 'lose' ? 'No reply.' : `${verdict.word} ${verdict.detail}`)
      changed()
      return verdict
    },
    callApi: async (holder) => {
      const answer = await present().callApi(holder)
      const text =
        answer.status === 200
          ? 'The API verifies the token by itself and lets it in until it expires.'
          : explainReason(answer.reason)
      ledger.add({
        who: names[holder],
        verdict: 'API',
        detail: String(answer.status),
        reason: text,
        tone: answer.status === 200 ? 'plain' : 'refused',
      })
      say(holder, `API ${answer.status}${answer.reason === undefined ? '' : ` ${answer.reason}`}`)
      return answer
    },
    askServer: async (holder) => {
      const answer = await present().askServer(holder)
      const text = answer.status === 200 ? 'The session is live.' : explainReason(answer.reason)
      ledger.add({
        who: names[holder],
        verdict: 'GET /auth/session',
        detail: String(answer.status),
        reason: text,
        tone: answer.status === 200 ? 'plain' : 'refused',
      })
      say(holder, `Server ${answer.status}${answer.reason === undefined ? '' : ` ${answer.reason}`}`)
      changed()
      return answer
    },
    steal: () => {
      present().copyTo('thief')
      const { generation, fingerprint } = present().view('thief')
      ledger.add({
        who: 'thief',
        verdict: 'copy taken',
        detail: `generation ${generation ?? 0}`,
        reason: `The same refresh token, byte for byte (${fingerprint}). Nobody else can know.`,
        tone: 'plain',
      })
      say('thief', 'Has a copy.')
      changed()
    },
    onTick: (tick) => {
      ticks.push(tick)
    },
  }

  const say = (holder: HolderName, text: string) => {
    if (holder !== 'backup') write(place(`${holder}-last`), text)
  }
  for (const holder of ['owner', 'thief'] as const) {
    drawFacts(holder)
    onPress(
      button(`${holder}-refresh`),
      async () => {
        await bench.refresh(holder)
      },
      report,
    )
    onPress(
      button(`${holder}-call`),
      async () => {
        await bench.callApi(holder)
      },
      report,
    )
    onPress(
      button(`${holder}-ask`),
      async () => {
        await bench.askServer(holder)
      },
      report,
    )
  }
  onPress(
    button('sign-in-phone'),
    async () => {
      await signIn()
    },
    report,
  )
  setInterval(changed, 250)
  changed()
  return bench
}

function showWheel(wheel: RatchetWheel, phone: Phone | undefined): void {
  if (phone === undefined) {
    wheel.show({ state: 'none', generation: 0, sinceStep: undefined })
    return
  }
  const { generation, steppedAt, ended } = phone.standing()
  const sinceStep = steppedAt === undefined ? undefined : Date.now() - steppedAt
  wheel.show({
    state: ended === undefined ? 'live' : 'ended',
    generation,
    sinceStep,
    ...(ended !== undefined && { reason: ended }),
  })
}

const facts = [
  ['refresh', 'Refresh token'],
  ['access', 'Access token'],
  ['attempt', 'Attempt id'],
] as const

function drawFacts(holder: 'owner' | 'thief'): void {
  const rows = facts.flatMap(([key, title]) => {
    const value = make('dd', 'mono', '–')
    value.id = `${holder}-fact-${key}`
    return [make('dt', '', title), value]
  })
  place(`${holder}-facts`).replaceChildren(...rows)
}

function showHolder(holder: 'owner' | 'thief', phone: Phone | undefined): void {
  const view: HolderView = phone?.view(holder) ?? {
    generation: undefined,
    fingerprint: '',
    accessExpiresAt: undefined,
    attempt: '',
  }
  const holds = view.generation !== undefined
  write(place(`${holder}-fact-refresh`), refreshText(view, phone))
  write(place(`${holder}-fact-access`), accessText(view.accessExpiresAt))
  write(place(`${holder}-fact-attempt`), view.attempt === '' ? '–' : `${view.attempt}…`)
  for (const act of ['refresh', 'call', 'ask']) button(`${holder}-${act}`).disabled = !holds
}

function refreshText({ generation, fingerprint }: HolderView, phone: Phone | undefined): string {
  if (generation === undefined) return '–'
  const standing = phone?.standing()
  const spent = standing !== undefined && generation < standing.generation ? ', superseded' : ''
  return `generation ${generation}${spent}${fingerprint === '' ? '' : ` · ${fingerprint}`}`
}

function accessText(expiresAt: number | undefined): string {
  if (expiresAt === undefined) return '–'
  const left = Math.ceil((expiresAt - Date.now()) / 1000)
  return left > 0 ? `${left} s left` : 'expired'
}
