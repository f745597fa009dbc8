import type { Bench } from './bench.ts'
import { button, onPress, place, write } from './elements.ts'
import type { Phone } from './phone.ts'
import type { Settings } from './settings.ts'
import type { Verdict } from './verdict.ts'

/** The page's clock is read at the reply, the server's window runs from its decision: a little later is surely after. */
const marginMilliseconds = 250

type SceneName = 'lost' | 'theft' | 'replay'

/** Sets up what can be done to the phone's session: losing a reply, stealing the token, replaying an old one. */
export function setUpPhoneScenes(bench: Bench, settings: Settings, report: (fault: unknown) => void): void {
  const windowMilliseconds = settings.raceWindowSeconds * 1000
  let lost: { readonly phone: Phone; readonly generation: number } | undefined
  let running = false

  const tell = (scene: SceneName, text: string, verdict?: Verdict) => {
    const target = place(`verdict-${scene}`)
    target.dataset['tone'] = verdict?.word === 'replay' ? 'theft' : 'plain'
    target.removeAttribute('aria-busy')
    write(target, text)
  }

  /** A countdown is for the eye: a screen reader is told what comes of it. */
  const count = (scene: SceneName, text: string) => {
    tell(scene, text)
    place(`verdict-${scene}`).setAttribute('aria-busy', 'true')
  }

  /** Waits until the race window after the spending of a generation has closed, and counts down meanwhile. */
  const windowClosed = (phone: Phone, generation: number, countDown: (seconds: number) => void): Promise<void> =>
    new Promise((resolve) => {
      const look = () => {
        const spentAt = phone.standing().spentAt(generation)
        const left = spentAt === undefined ? 0 : spentAt + windowMilliseconds + marginMilliseconds - Date.now()
        if (left <= 0) resolve()
        else {
          countDown(Math.ceil(left / 1000))
          setTimeout(look, Math.min(left, 200))
        }
      }
      look()
    })

  /** One scene at a time: they share the phone. */
  const scene = (id: string, act: (phone: Phone) => Promise<void>) => {
    onPress(
      button(id),
      async () => {
        if (running) return
        running = true
        try {
          const phone = await bench.phone()
          if (phone === undefined) place('password').focus()
          else await act(phone)
        } finally {
          running = false
          settle()
        }
      },
      report,
    )
  }

  scene('lose', async (phone) => {
    const before = phone.view('owner').generation ?? 0
    const verdict = await bench.refresh('owner', 'lose')
    if (verdict.word !== 'advance' && verdict.word !== 'repeat') return tell('lost', asSentence(verdict), verdict)
    lost = { phone, generation: before }
    tell(
      'lost',
      `The server moved to generation ${phone.standing().generation}; the phone still holds ${before}, which is superseded. Retry at once or after the race window, with or without the attempt id.`,
    )
  })

  const retry = (how?: 'bare') => async () => {
    lost = undefined
    const verdict = await bench.refresh('owner', how)
    tell('lost', verdictOfRetry(verdict, how), verdict)
  }
  scene('retry-with', retry())
  scene('retry-without', retry('bare'))

  scene('steal', async () => {
    bench.steal()
    tell(
      'theft',
      'Two now hold the same refresh token. Let one of them refresh, wait for the window on the wheel to close, then let the other.',
    )
  })

  scene('play-theft', async (phone) => {
    bench.steal()
    const stolen = phone.view('owner').generation ?? 0
    await bench.refresh('thief')
    await windowClosed(phone, stolen, (seconds) =>
      count(
        'theft',
        `The thief was first and holds generation ${stolen + 1}. The owner wakes up in ${seconds} s, when the race window has closed.`,
      ),
    )
    await bench.refresh('thief')
    const verdict = await bench.refresh('owner')
    if (verdict.word !== 'replay') return tell('theft', asSentence(verdict), verdict)
    await bench.refresh('thief')
    await bench.askServer('thief')
    await bench.callApi('thief')
    const { generation } = phone.standing()
    tell(
      'theft',
      `Replay: the thief had got to generation ${generation} when the owner came with ${stolen}, long superseded. One of the two is a thief, so the session ended for both. The server refuses the thief’s newest access token at once; an API that verifies by itself lets it in until it expires, ${settings.accessSeconds} s at most.`,
      verdict,
    )
  })

  /** The backup's token has to be an earlier one, superseded by the latest step but one. */
  const moveOn = async (phone: Phone) => {
    for (let steps = phone.standing().generation; steps < 2; steps += 1) await bench.refresh('owner')
  }

  scene('replay-now', async (phone) => {
    await moveOn(phone)
    const verdict = await bench.refresh('backup')
    tell('replay', verdictOfReplay(verdict), verdict)
  })

  scene('replay-late', async (phone) => {
    await moveOn(phone)
    await windowClosed(phone, 0, (seconds) =>
      count('replay', `Generation 0 is superseded. Its race window closes in ${seconds} s.`),
    )
    const verdict = await bench.refresh('backup')
    tell('replay', verdictOfReplay(verdict), verdict)
  })

  const settle = () => {
    const phone = bench.present()
    const live = phone !== undefined && phone.standing().ended === undefined
    const retriable =
      lost !== undefined && lost.phone === phone && live && phone.view('owner').generation === lost.generation
    for (const id of ['lose', 'steal', 'play-theft', 'replay-now', 'replay-late']) button(id).disabled = running
    for (const id of ['retry-with', 'retry-without']) button(id).disabled = running || !retriable
  }
  bench.onTick(settle)
  settle()
}

function verdictOfRetry(verdict: Verdict, how: 'bare' | undefined): string {
  if (verdict.word === 'replay') {
    return 'Replay: without the attempt id a late retry looks exactly like a theft, and the session ended. That is what the attempt id is for.'
  }
  const lesson =
    how === 'bare'
      ? 'Only the race window explained it: a little later this would have been theft.'
      : 'However late it comes: nothing was lost, nobody was signed out.'
  return `${asSentence(verdict)} ${lesson}`
}

function verdictOfReplay(verdict: Verdict): string {
  if (verdict.word === 'repeat') {
    return `${asSentence(verdict)} Whoever comes this early cannot be told from a parallel tab; coming again after the window gives him away.`
  }
  return asSentence(verdict)
}

function asSentence({ word, detail, rule }: Verdict): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)} ${detail}. ${rule}`
}
