import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A copy of the sources that can be started; it goes when the test ends. */
export interface Build extends Disposable {
  /** Its root. */
  readonly root: string
}

/** Root of the sources that are tested. */
export const repository: string = fileURLToPath(new URL('../..', import.meta.url))

/** What a release might add: a column to the table that every refresh writes, a table, and an index. */
const plantedStep = `
  {
    sql: (schema) => \`
      ALTER TABLE \${schema}.sessions ADD COLUMN planted text NOT NULL DEFAULT 'planted';
      CREATE TABLE \${schema}.planted (number bigint PRIMARY KEY);
      CREATE INDEX planted_by_number ON \${schema}.planted (number);
    \`,
  },
]
`

/** The next release, as far as the database can tell: this one, with one more step of the schema. */
export function makeNewerBuild(): Build {
  const root = mkdtempSync(join(tmpdir(), 'pawl-newer-'))
  cpSync(join(repository, 'packages'), join(root, 'packages'), { recursive: true, verbatimSymlinks: true })
  const modules = join(root, 'node_modules')
  mkdirSync(join(modules, '@pawl'), { recursive: true })
  for (const name of readdirSync(join(repository, 'node_modules'))) {
    if (name !== '@pawl') symlinkSync(join(repository, 'node_modules', name), join(modules, name))
  }
  // Its own packages and not those of the repository.
  for (const name of readdirSync(join(root, 'packages'))) {
    symlinkSync(join(root, 'packages', name), join(modules, '@pawl', name))
  }
  const file = join(root, 'packages', 'storage-postgres', 'src', 'schema-steps.ts')
  const steps = readFileSync(file, 'utf8')
  if (!steps.endsWith('\n]\n')) throw new Error('the list of steps does not end where one could be added')
  writeFileSync(file, steps.slice(0, -2) + plantedStep)
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) }
}
