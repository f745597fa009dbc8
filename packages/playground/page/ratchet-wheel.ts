/** What the wheel shows. */
export interface WheelView {
  /** `none`: no session; `live`; `ended`: it was ended, for the reason given. */
  readonly state: 'none' | 'live' | 'ended'
  readonly generation: number
  /** Milliseconds since the last step; undefined before the first. */
  readonly sinceStep: number | undefined
  /** Shown below the generation when the session has ended. */
  readonly reason?: string
}

/** A drawn ratchet wheel. */
export interface RatchetWheel {
  readonly show: (view: WheelView) => void
  /** The pawl was touched without a step: a repeat. */
  readonly touch: () => void
}

const teeth = 20
const step = 360 / teeth
const across = 120
const down = 132
const outer = 104
const inner = 91
const windowRadius = 59
const windowLength = 2 * Math.PI * windowRadius
/** How many rotations a session remembers. */
const remembered = 8

/** Draws a ratchet wheel into a figure: one tooth for each generation, the pawl at the top, the race window as a ring. */
export function drawRatchetWheel(figure: HTMLElement, title: string, windowMilliseconds: number): RatchetWheel {
  const drawing = shape('svg', { viewBox: '0 0 240 244', role: 'img', 'aria-label': title })
  const wheel = shape('g', { class: 'wheel-turning' })
  wheel.append(shape('path', { class: 'wheel-rim', d: rim() }))
  const labels = Array.from({ length: teeth }, (_, index) => toothLabel(index))
  wheel.append(...labels)
  const ring = shape('circle', {
    class: 'wheel-window',
    cx: String(across),
    cy: String(down),
    r: String(windowRadius),
    'stroke-dasharray': String(windowLength),
  })
  const pawl = shape('g', { class: 'wheel-pawl' })
  pawl.append(
    shape('path', { d: 'M 119.2 40.4 L 119.2 27 Q 84 13 46 6 L 44 24 Q 84 25 109 36 Z' }),
    shape('circle', { cx: '46', cy: '15', r: '9' }),
  )
  const caption = text('wheel-caption', 114)
  const number = text('wheel-number', 145)
  const note = text('wheel-note', 162)
  drawing.append(
    wheel,
    shape('circle', { class: 'wheel-track', cx: String(across), cy: String(down), r: String(windowRadius) }),
    ring,
    pawl,
    caption,
    number,
    note,
  )
  figure.replaceChildren(drawing)

  let shown: number | undefined
  const show = (view: WheelView) => {
    const { state, generation, sinceStep } = view
    if (state === 'live' && shown !== undefined && generation === shown + 1) move(pawl, 'clicked')
    shown = state === 'none' ? undefined : generation
    figure.dataset['state'] = state
    const open = state === 'live' && sinceStep !== undefined && sinceStep < windowMilliseconds
    const left = open ? windowMilliseconds - sinceStep : 0
    figure.dataset['window'] = open ? 'open' : 'closed'
    wheel.style.setProperty('transform', `rotate(${generation * step}deg)`)
    ring.style.setProperty(
      'stroke-dashoffset',
      String(windowLength * (1 - (windowMilliseconds === 0 ? 0 : left / windowMilliseconds))),
    )
    caption.textContent = state === 'none' ? '' : 'generation'
    number.textContent = state === 'none' ? '–' : String(generation)
    note.textContent = noteFor(view, left)
    labels.forEach((label, index) => {
      const back = backFrom(generation, index)
      label.textContent = state !== 'none' && back <= generation && back <= remembered ? String(generation - back) : ''
      label.classList.toggle('now', back === 0)
      label.classList.toggle('racing', open && back === 1)
    })
    drawing.setAttribute('aria-label', describe(title, view, left))
  }
  show({ state: 'none', generation: 0, sinceStep: undefined })
  return {
    show,
    touch: () => move(pawl, 'touched'),
  }
}

function move(pawl: SVGElement, how: 'clicked' | 'touched'): void {
  pawl.classList.remove('clicked', 'touched')
  // Reading a layout value makes the browser forget the ended animation, so that it runs again.
  pawl.getBoundingClientRect()
  pawl.classList.add(how)
}

/** How many generations before the current one a tooth stands for: the wheel comes round after {@link teeth} of them. */
function backFrom(generation: number, index: number): number {
  return (((generation - index) % teeth) + teeth) % teeth
}

function noteFor({ state, reason = '', sinceStep }: WheelView, left: number): string {
  if (state === 'none') return 'no session'
  if (state === 'ended') return `ended: ${reason}`
  if (left > 0) return `window ${Math.ceil(left / 1000)} s`
  return sinceStep === undefined ? 'not moved yet' : 'window closed'
}

function describe(title: string, view: WheelView, left: number): string {
  if (view.state === 'none') return `${title}: no session`
  if (view.state === 'ended')
    return `${title}: ended at generation ${view.generation}, reason ${view.reason ?? 'unknown'}`
  return `${title}: generation ${view.generation}, race window ${left > 0 ? 'open' : 'closed'}`
}

/** Saw teeth: a face, then a slope. Turning clockwise, the slopes pass below the pawl; backwards, a face meets it. */
function rim(): string {
  const corners = Array.from({ length: teeth }, (_, index) => {
    const from = index * step
    return `${index === 0 ? 'M' : 'L'} ${point(inner, from)} L ${point(outer, from)} L ${point(inner, from + step)}`
  })
  return `${corners.join(' ')} Z`
}

function toothLabel(index: number): SVGElement {
  const label = text('wheel-tooth', down - 74)
  label.setAttribute('transform', `rotate(${-index * step} ${across} ${down})`)
  return label
}

/** A point by distance from the centre and degrees clockwise from the top. */
function point(radius: number, degrees: number): string {
  const angle = ((degrees - 90) * Math.PI) / 180
  return `${(across + radius * Math.cos(angle)).toFixed(2)} ${(down + radius * Math.sin(angle)).toFixed(2)}`
}

function text(className: string, y: number): SVGElement {
  return shape('text', { class: className, x: String(across), y: String(y), 'text-anchor': 'middle' })
}

function shape(name: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (!(made instanceof SVGElement)) throw new Error(`${name} is no SVG element`)
  return made
}
