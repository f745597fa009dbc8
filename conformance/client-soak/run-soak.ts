import { parseArgs } from 'node:util'
import { soak } from './soak.ts'

/** `npm run soak -- [--minutes N] [--seed N]`: the soak of the client for as long as you like; by default an hour. */

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const { minutes = '60', seed = '1' } = values
const report = await soak({ milliseconds: Number(minutes) * 60_000, tabs: 20, processes: 10, seed: Number(seed) })
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
process.exitCode = report.complaints.length === 0 ? 0 : 1
