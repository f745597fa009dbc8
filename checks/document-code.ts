import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeBlocks } from './markdown.ts'
import { repository, runTool } from './run-tool.ts'
import { listFiles } from './source-files.ts'

const cache = join(repository, 'node_modules', '.cache')

/**
 * Type-checks every TypeScript block of the documents below a root, each as a module of its own that sees the packages
 * as their users do. Returns the compiler's complaints, at their lines in the documents.
 */
export async function brokenExamples(root: string): Promise<string[]> {
  const examples = listFiles(root)
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => codeBlocks(readFileSync(join(root, path), 'utf8')).map((block) => ({ path, ...block })))
    .filter(({ info }) => info[0] === 'ts' || info[0] === 'typescript')
  if (examples.length === 0) return []
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'examples-'))
  try {
    for (const [index, { text }] of examples.entries())
      writeFileSync(join(folder, `${index}.ts`), `${text}\nexport {}\n`)
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
    const { status, output } = await runTool('tsc', ['-p', '.', '--pretty', 'false'], folder)
    if (status === 0) return []
    return output.split('\n').map((line) =>
      line.replace(/^(\d+)\.ts\((\d+),\d+\)/, (_, index: string, within: string) => {
        const example = examples[Number(index)]
        return `${example?.path}:${(example?.line ?? 0) + Number(within)}`
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const settings = {
  extends: join(repository, 'tsconfig.json'),
  compilerOptions: {
    typeRoots: [join(repository, 'node_modules/@types')],
    // An example may show a value and leave it at that.
    noUnusedLocals: false,
    noUnusedParameters: false,
    isolatedDeclarations: false,
  },
  include: ['*.ts'],
  exclude: [],
}
