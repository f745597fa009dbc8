import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Heart, loadHeart } from './heart.ts'
import { clientFaults, type Mutant, mutants } from './mutants.ts'
import { honestSeeds, thiefSeeds } from './seeds.ts'
import { sqliteForSimulation } from './simulated-sqlite.ts'

const source = fileURLToPath(new URL('../../src/', import.meta.url))
const dependencies = fileURLToPath(new URL('../../../../node_modules', import.meta.url))
const seeds = { first: 1, count: 20_000 }
const minutes = 180_000

/** A copy of the sources with one fault in it, outside the tree. */
async function heartWith(mutant: Mutant): Promise<Heart> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pawl-mutant-')))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'server'))
  symlinkSync(dependencies, join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const copy = join(folder, 'server', 'src')
  cpSync(source, copy, { recursive: true })
  const file = join(copy, mutant.file)
  const text = readFileSync(file, 'utf8')
  const pieces = text.split(mutant.from)
  if (pieces.length !== 2) throw new Error(`${mutant.file} holds the piece to mutate ${pieces.length - 1} times`)
  writeFileSync(file, pieces.join(mutant.to))
  return loadHeart(pathToFileURL(`${copy}/`))
}

async function firstFailure(mutant: Mutant): Promise<string | undefined> {
  const heart = await heartWith(mutant)
  if (mutant.seenBy === 'thief') return thiefSeeds(heart, seeds)
  if (mutant.seenBy !== 'sqlite') return honestSeeds(heart, seeds)
  const sqlite = await sqliteForSimulation(heart)
  onTestFinished(sqlite.close)
  return honestSeeds(heart, seeds, { on: sqlite })
}

/** The rule that was broken, and how many lines it takes to tell how. */
function readFailure(text: string | undefined): { readonly rule: string | undefined; readonly lines: number } {
  const told = /^broken rule: (.+)\n.*, (\d+) lines; /.exec(text ?? '')
  return { rule: told?.[1], lines: Number(told?.[2] ?? Number.NaN) }
}

const seen = { rule: expect.any(String), lines: expect.toSatisfy((lines: number) => lines <= 20) }

describe('the simulation sees every planted fault, and tells it in 20 lines at most', () => {
  for (const mutant of mutants) {
    test(mutant.name, async () => expect(readFailure(await firstFailure(mutant))).toEqual(seen), minutes)
  }

  for (const { fault, name } of clientFaults) {
    test(
      name,
      async () => {
        const heart = await loadHeart(pathToFileURL(source))
        expect(readFailure(await honestSeeds(heart, seeds, { clientFault: fault }))).toEqual(seen)
      },
      minutes,
    )
  }

  test('docs/proof.md lists them, and nothing else', () => {
    const document = readFileSync(new URL('../../../../docs/proof.md', import.meta.url), 'utf8')
    const [, section = ''] = /\n## Faults that it is seen to find\n(.*?)\n## /s.exec(document) ?? []
    const listed = section.split('\n').filter((line) => line.startsWith('- '))
    expect(listed).toEqual([...mutants, ...clientFaults].map(({ name }) => `- ${name}`))
  })

  test('and none in the sources as they are', async () => {
    const heart = await loadHeart(pathToFileURL(source))
    expect(await honestSeeds(heart, { first: 1, count: 50 })).toBeUndefined()
  })
})

describe('a failing seed', () => {
  const mutantOf = (finding: string): Mutant => {
    const found = mutants.find(({ name }) => name.includes(finding))
    if (found === undefined) throw new Error(`no mutant ${finding}`)
    return found
  }

  test('names the rule, the setting, each step that matters, and how to see it again: recent of length 1 (F1)', async () => {
    const told = (await firstFailure(mutantOf('recent of length 1')))?.split('\n') ?? []
    expect(told[0]).toMatch(/^broken rule: decision: a verdict where the table says repeat \(generation \d at \d\)$/)
    expect(told[2]).toMatch(/^ +0\.000 s {2}setting: policy rotating, \d nodes, \d tabs on one /)
    expect(told.at(-2)).toMatch(/ s {2}\S.* ends the session for replay$/)
    expect(told.at(-1)).toMatch(/^the same again: npm run simulate -- --kind honest --schedules 1 --seed \d+$/)
    expect(told.length).toBeLessThanOrEqual(15)
  })

  test('answer before commit (B4) is told in one request', async () => {
    const told = (await firstFailure(mutantOf('answer before commit')))?.split('\n') ?? []
    expect(told[0]).toBe('broken rule: order: an answer without a committed write of its own')
    expect(told.length).toBeLessThanOrEqual(6)
    expect(told.at(-2)).toMatch(/ s {2}tab0 takes generation 0, .*is answered generation 1 \(advance\)$/)
  })

  test('is told the same way every time', async () => {
    const mutant = mutantOf('check, then write')
    expect(await firstFailure(mutant)).toBe(await firstFailure(mutant))
  })
})
