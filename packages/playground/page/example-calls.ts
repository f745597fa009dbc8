import type { Client } from '@pawl/client'
import { button, element, make, onPress, place, write } from './elements.ts'
import type { Ledger } from './ledger.ts'
import { getWithoutJar, readAnswer } from './requests.ts'
import type { Settings } from './settings.ts'
import { explainReason } from './verdict.ts'

const most = 14
const everyMilliseconds = 2000

/** Sets up the calls to the example API: once, again and again, without a token, and where only admins may. */
export function setUpCalls(client: Client, settings: Settings, ledger: Ledger, report: (fault: unknown) => void): void {
  const api = `${settings.base}/playground/api`
  const answers = element('answers', HTMLOListElement)
  const keepCalling = element('keep-calling', HTMLInputElement)
  let calling = false

  const show = (status: number, note: string) => {
    const chip = make('li', 'chip mono', String(status === 0 ? '–' : status))
    chip.dataset['tone'] = status === 200 ? 'good' : 'refused'
    answers.prepend(chip)
    while (answers.childElementCount > most) answers.lastElementChild?.remove()
    write(place('call-text'), note)
  }

  const call = async (path: string) => {
    const answer = await readAnswer(await client.fetch(`${api}${path}`, { cache: 'no-store' }).catch(() => undefined))
    const note =
      answer.status === 200
        ? '200: the verifier let the access token in, with no question to the issuer.'
        : `${answer.status}: ${explainReason(answer.reason ?? answer.error)}`
    show(answer.status, note)
    return answer
  }

  onPress(
    button('call'),
    async () => {
      await call('/notes')
    },
    report,
  )
  onPress(
    button('call-admin'),
    async () => {
      const { status, reason } = await call('/admin-notes')
      ledger.add({
        who: 'API',
        verdict: 'admins’ notes',
        detail: String(status),
        reason: explainReason(reason),
        tone: status === 200 ? 'plain' : 'refused',
      })
    },
    report,
  )
  onPress(
    button('call-bare'),
    async () => {
      const { status, reason, error } = await getWithoutJar(`${api}/notes`, undefined)
      show(status, `${status}: ${explainReason(reason ?? error)}`)
      ledger.add({
        who: 'API',
        verdict: 'no token',
        detail: String(status),
        reason: explainReason(reason ?? error),
        tone: 'refused',
      })
    },
    report,
  )
  setInterval(() => {
    if (!keepCalling.checked || keepCalling.disabled || calling) return
    calling = true
    call('/notes')
      .catch(report)
      .finally(() => {
        calling = false
      })
  }, everyMilliseconds)
}

/** Whether the calls that need a session can be made. */
export function allowCalls(signedIn: boolean): void {
  button('call').disabled = !signedIn
  button('call-admin').disabled = !signedIn
  element('keep-calling', HTMLInputElement).disabled = !signedIn
}
