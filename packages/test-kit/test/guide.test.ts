import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { faultNames } from '../src/faults.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const guide = readFileSync(join(root, 'docs/test-your-application.md'), 'utf8')
const examples = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = '']) => text)

/** A reader's project: nothing but the packages. */
const project = mkdtempSync(join(tmpdir(), 'pawl-guide-'))
symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))
afterAll(() => rmSync(project, { recursive: true, force: true }))

test('T30.2: the guide shows a test for each of the pains', () => {
  expect(examples.length).toBeGreaterThanOrEqual(8)
  for (const pain of ['T1', 'T2', 'T3', 'T4', 'T5']) expect(guide).toContain(pain)
})

test('T30.2: the guide explains every fault', () => {
  const row = guide.split('\n').flatMap((line) => /^\| (`.*?`) \|/.exec(line)?.[1]?.match(/[a-z-]+/g) ?? [])
  expect(row).toEqual(expect.arrayContaining([...faultNames]))
})

describe.each(examples.map((text, index) => ({ text, index })))(
  'T30.2: example $index of the guide',
  async (example) => {
    const file = join(project, `${example.index}.ts`)
    writeFileSync(file, example.text)
    await import(file)
  },
)
