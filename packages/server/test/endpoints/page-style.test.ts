import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { designTokens, pageStyle } from '../../src/endpoints/pages/page-style.ts'

test('the pages have the colours of the design language, each as it is written there', () => {
  const design = readFileSync(new URL('../../../playground/page/design.css', import.meta.url), 'utf8')
  for (const [name, value] of Object.entries(designTokens)) expect(design).toContain(`--${name}: ${value};`)
})

test.each([
  ['#ffd400', '#000000'],
  ['#0a5c68', '#ffffff'],
  ['#000000', '#ffffff'],
  ['#ffffff', '#000000'],
])('on the colour %s stands text in %s', (colour, ink) => {
  expect(pageStyle(colour)).toContain(`:root{--accent:${colour};--accent-ink:${ink}}`)
})
