/**
 * Finds an element that the document is known to have.
 *
 * @throws Error when document and module do not fit together
 */
export function element<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`the document has no ${kind.name} with the id ${id}`)
}

/** A button of the document. */
export function button(id: string): HTMLButtonElement {
  return element(id, HTMLButtonElement)
}

/** Any element of the document whose text is written. */
export function place(id: string): HTMLElement {
  return element(id, HTMLElement)
}

/** Makes an element with a class and contents; never from markup. */
export function make(tag: string, className: string, ...contents: readonly (string | Node)[]): HTMLElement {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  made.append(...contents)
  return made
}

/** Writes a text if it is another than before, so that nothing is announced twice. */
export function write(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/** Runs an act on each press; while it runs, the button tells that it is busy. What it throws is shown by `report`. */
export function onPress(target: HTMLButtonElement, act: () => Promise<void>, report: (fault: unknown) => void): void {
  target.addEventListener('click', () => {
    if (target.getAttribute('aria-busy') === 'true') return
    target.setAttribute('aria-busy', 'true')
    act()
      .catch(report)
      .finally(() => target.removeAttribute('aria-busy'))
  })
}
