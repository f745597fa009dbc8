import { make, write } from './elements.ts'
import type { LedgerEntry } from './verdict.ts'

/** The list of everything that happened, newest first. */
export interface Ledger {
  readonly add: (entry: LedgerEntry) => void
}

const most = 200

/** Keeps the list and says each verdict to screen readers. */
export function keepLedger(list: HTMLElement, announcer: HTMLElement, now: () => Date = () => new Date()): Ledger {
  // It scrolls, so the keyboard has to reach it.
  list.tabIndex = 0
  return {
    add: (entry) => {
      const { who, verdict, detail = '', reason, tone } = entry
      const time = make('time', 'mono', now().toLocaleTimeString('en-GB'))
      const head = make('p', 'entry-head', make('span', 'who', who), time)
      const line = make('p', 'entry-verdict', make('strong', '', verdict), detail === '' ? '' : ` ${detail}`)
      const item = make('li', 'entry', head, line, make('p', 'small soft', reason))
      item.dataset['tone'] = tone
      list.prepend(item)
      while (list.childElementCount > most) list.lastElementChild?.remove()
      write(announcer, `${who}: ${verdict} ${detail}`)
    },
  }
}
