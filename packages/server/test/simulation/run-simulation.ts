import { parseArgs } from 'node:util'
import { z } from 'zod'
import { loadHeart } from './heart.ts'
import { honestSeeds, type SeedRange, thiefSeeds } from './seeds.ts'
import { postgresForSimulation, simulationDatabase } from './simulated-postgres.ts'
import { sqliteForSimulation } from './simulated-sqlite.ts'

/**
 * Simulates as many schedules as one likes, from a seed on. Tells on stderr how far it is and, on stdout, a rule that was
 * broken, if one was, and one line that sums up. PostgreSQL is that of PAWL_TEST_POSTGRES_URL. Exit status 1 when a rule was broken, 2 when it was called wrongly.
 */

const usage =
  'npm run simulate -- [--schedules N] [--seed N] [--kind honest|thief|both] [--engine memory|sqlite|postgres]'

const whole = z.coerce.number().int().nonnegative()
const form = z.object({
  schedules: whole.default(5_000),
  seed: whole.default(1),
  /** Both: of five schedules four are honest, as in the tests. */
  kind: z.enum(['honest', 'thief', 'both']).default('both'),
  engine: z.enum(['memory', 'sqlite', 'postgres']).default('memory'),
})

const block = 1_000

type Options = z.infer<typeof form>

function readOptions(): Options | undefined {
  try {
    const text = { type: 'string' } as const
    return form.parse(parseArgs({ options: { schedules: text, seed: text, kind: text, engine: text } }).values)
  } catch {
    return undefined
  }
}

async function simulate({ schedules, seed, kind, engine }: Options): Promise<number> {
  const heart = await loadHeart(new URL('../../src/', import.meta.url))
  const engines = { memory: () => undefined, sqlite: () => sqliteForSimulation(heart), postgres: postgresForSimulation }
  const on = await engines[engine]()
  const thieves = { honest: 0, thief: schedules, both: Math.floor(schedules / 5) }[kind]
  const kinds = [
    {
      name: 'honest',
      count: schedules - thieves,
      run: (range: SeedRange) => honestSeeds(heart, range, { on }),
    },
    { name: 'thief', count: thieves, run: (range: SeedRange) => thiefSeeds(heart, range) },
  ]
  const begun = performance.now()
  const seconds = () => Math.round((performance.now() - begun) / 1000)
  const sums: string[] = []
  let failures = 0
  for (const { name, count, run } of kinds) {
    let failure: string | undefined
    let done = 0
    while (done < count && failure === undefined) {
      const range = { first: seed + done, count: Math.min(block, count - done) }
      failure = await run(range)
      done += range.count
      process.stderr.write(`${name}: ${done} of ${count} schedules, ${seconds()} s\n`)
    }
    if (failure !== undefined) {
      failures += 1
      process.stdout.write(`${failure}\n`)
    }
    if (count > 0) sums.push(`${failure === undefined ? done : `at most ${done}`} ${name} schedules`)
  }
  await on?.close()
  const verdict = failures === 0 ? 'no rule broken' : `${failures} broken`
  process.stdout.write(`${sums.join(' and ')} from seed ${seed} on ${engine}: ${verdict}, ${seconds()} s\n`)
  return failures === 0 ? 0 : 1
}

const options = readOptions()
if (options === undefined) {
  process.stderr.write(`usage: ${usage}\n`)
  process.exitCode = 2
} else if (options.engine === 'postgres' && simulationDatabase === undefined) {
  process.stderr.write('--engine postgres needs PAWL_TEST_POSTGRES_URL, a database in which it may make a schema\n')
  process.exitCode = 2
} else {
  process.exitCode = await simulate(options)
}
