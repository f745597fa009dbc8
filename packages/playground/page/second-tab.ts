import type { Session } from '@pawl/client'
import { openBrowserSession } from './browser-session.ts'
import { button, onPress, place, write } from './elements.ts'
import { keepLedger } from './ledger.ts'
import { drawRatchetWheel } from './ratchet-wheel.ts'
import { readSettings } from './settings.ts'
import { createRacingTab, followFirstTab } from './two-tabs.ts'
import { entryOf, entryOfRace } from './verdict.ts'

const settings = readSettings()
const ledger = keepLedger(place('ledger'), place('announcer'))
const wheel = drawRatchetWheel(place('browser-wheel'), 'This browser’s session', settings.raceWindowSeconds * 1000)
const session = openBrowserSession(settings, (request) => {
  tab.note(request)
  if (request.kind !== 'refresh') return
  const { verdict } = request
  ledger.add(tab.isRacing() ? entryOfRace('second tab', verdict) : entryOf('second tab', verdict))
  update()
})
const tab = createRacingTab(session, () => update())
const report = (fault: unknown): void => write(place('standing'), fault instanceof Error ? fault.message : 'failed')

function take(now: Session): void {
  button('refresh').disabled = now.status === 'signed-out'
  write(
    place('standing'),
    now.status === 'active'
      ? `Signed in as ${now.user.username}.`
      : now.status === 'stale'
        ? 'Not sure at the moment.'
        : 'Nobody is signed in.',
  )
}

function update(): void {
  const state = session.state()
  const steppedAt = session.steppedAt()
  wheel.show({
    state: state === undefined ? 'none' : 'live',
    generation: state?.generation ?? 0,
    sinceStep: steppedAt === undefined ? undefined : performance.now() - steppedAt,
  })
}

onPress(
  button('refresh'),
  async () => {
    await session.client.refresh()
  },
  report,
)
session.client.onChange(take)
session.client
  .session()
  .then((now) => {
    take(now)
    followFirstTab(tab, report)
  })
  .catch(report)
setInterval(update, 250)
update()
