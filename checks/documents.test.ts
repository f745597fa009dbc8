import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { brokenExamples } from './document-code.ts'
import { runTranscript, transcriptsOf } from './document-transcripts.ts'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'
import { listFiles } from './source-files.ts'

const fence = '```'

test('every TypeScript block of the documents type-checks', async () => {
  expect(await brokenExamples(repository)).toEqual([])
})

test('a TypeScript block that does not type-check is reported at its line', async () => {
  const good = `# Title\n\n${fence}ts\nimport { cookieNames } from '@pawl/protocol'\nconst names = cookieNames(true)\n${fence}\n`
  expect(await brokenExamples(plant({ 'README.md': good }))).toEqual([])
  const bad = good.replace('cookieNames(true)', "cookieNames('yes')")
  expect(await brokenExamples(plant({ 'docs/a.md': good, 'README.md': bad }))).toEqual([
    expect.stringMatching(/^README\.md:5: error TS2345/),
  ])
})

describe('the transcripts of the documents', () => {
  const documents = listFiles(repository).filter((path) => path.endsWith('.md'))
  const found = documents.flatMap((path) =>
    transcriptsOf(readFileSync(join(repository, path), 'utf8')).map((transcript) => ({ path, transcript })),
  )

  test('the README has one', () => {
    expect(found.map(({ path }) => path)).toContain('README.md')
  })

  test.each(found)('$path, line $transcript.line', async ({ transcript }) => {
    expect(await runTranscript(transcript)).toEqual([])
  })
})

describe('a transcript', () => {
  /** Says its settings, then answers every request with them. */
  const server = `
    import { createServer } from 'node:http'
    console.error('starting')
    createServer((request, response) => response.end(request.url + ' ' + process.env.PAWL_ACCESS_SECONDS + '\\n'))
      .listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening on http://localhost:' + process.env.PORT))
  `
  const stub = { command: [process.execPath, '--input-type=module', '-e', server] } as const
  const run = async (text: string, settings = '') => {
    const [transcript] = transcriptsOf(`${fence}sh transcript ${settings}\n${text}\n${fence}\n`)
    if (transcript === undefined) throw new Error('not a transcript')
    return runTranscript(transcript, stub)
  }

  test('passes when everything is as printed', async () => {
    const text = [
      '$ echo one; echo two',
      'one',
      'two',
      '$ path=/a',
      '$ curl -s \\',
      '    http://localhost:8080$path',
      '/a 2',
      '$ echo http://localhost:8080 and more',
      'http://localhost:8080 and …',
      '$ seq 9',
      '1',
      '…',
      '9',
      '$ printf "no end of line"',
      'no end of line',
      '$ true',
    ]
    expect(await run(text.join('\n'), 'PAWL_ACCESS_SECONDS=2')).toEqual([])
  })

  test.each([
    ['another line', '$ echo one\ntwo', /line 2: \$ echo one\n {2}expected: two\n {2}printed: {2}one/],
    ['a line too many', '$ echo one; echo two\none', /printed: {2}two/],
    ['a line too few', '$ echo one\none\ntwo', /expected: two/],
    ['output where none is shown', '$ echo one', /printed: {2}one/],
    ['nothing where output is shown', '$ true\none', /expected: one/],
    ['what only looks like a pattern', '$ echo axb\na.b', /expected: a\.b/],
    ['a failing command', '$ false', /ended with status 1/],
    ['a message on stderr', '$ echo one >&2', /printed: {2}one/],
    ['a shell that ends early', '$ exit 3\n$ echo one\none', /the shell ended before/],
  ])('is red on %s', async (_, text, complaint) => {
    expect((await run(text))[0]).toMatch(complaint)
  })

  test('is red when its server does not start', async () => {
    const [transcript] = transcriptsOf(`${fence}sh transcript\n$ true\n${fence}\n`)
    if (transcript === undefined) throw new Error('not a transcript')
    const broken = { command: [process.execPath, '-e', 'console.error("no database"); process.exit(1)'] } as const
    expect(await runTranscript(transcript, broken)).toEqual([expect.stringContaining('no database')])
  })

  test('is only what is marked as one', () => {
    expect(transcriptsOf(`${fence}sh\n$ rm -r data\n${fence}\n`)).toEqual([])
    expect(() => transcriptsOf(`${fence}sh transcript two seconds\n$ true\n${fence}\n`)).toThrow('NAME=value')
    expect(() => transcriptsOf(`${fence}sh transcript\ntrue\n${fence}\n`)).toThrow('begins with a command')
    expect(() => transcriptsOf(`${fence}sh transcript\n$ true\n`)).toThrow('never closed')
  })
})
