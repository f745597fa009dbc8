import { parseArgs } from 'node:util'
import type { Bench } from './bench.ts'

/**
 * `npm run -s bench -- NAME [--full]`: prints the tables of one bench and, as the last line of stdout, its figures as one
 * JSON object. Exit status 2 when it was called wrongly.
 */

const benches: ReadonlyMap<string, () => Promise<Bench>> = new Map([
  ['bundle', async () => (await import('./bundle/bundle.ts')).bundleBench],
  ['capacity', async () => (await import('./capacity/capacity.ts')).capacityBench],
  ['driver', async () => (await import('./driver/driver.ts')).driverBench],
  ['memory', async () => (await import('./large-store/large-store.ts')).memoryBench],
  ['refresh', async () => (await import('./refresh/refresh.ts')).refreshBench],
  ['revocation', async () => (await import('./revocation/revocation.ts')).revocationBench],
  ['startup', async () => (await import('./large-store/large-store.ts')).startupBench],
  ['storage', async () => (await import('./storage/storage.ts')).storageBench],
  ['verify', async () => (await import('./verify/verify.ts')).verifyBench],
])

function readOptions(): { readonly name: string; readonly full: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({ options: { full: { type: 'boolean' } }, allowPositionals: true })
    const [name, ...others] = positionals
    return name === undefined || others.length > 0 ? undefined : { name, full: values.full ?? false }
  } catch {
    return undefined
  }
}

const options = readOptions()
const load = options === undefined ? undefined : benches.get(options.name)
if (options === undefined || load === undefined) {
  process.stderr.write(`usage: npm run -s bench -- ${[...benches.keys()].join('|')} [--full]\n`)
  process.exitCode = 2
} else {
  const bench = await load()
  const figures = await bench({ full: options.full, print: (text) => process.stdout.write(text) })
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}
