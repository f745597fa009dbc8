import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { z } from 'zod'

const report = z.array(z.object({ name: z.string(), filename: z.string() }))

/**
 * Packs built packages as `npm publish` would.
 *
 * @param folders built packages, as `buildPackages` returns them
 * @param destination an existing folder for the tarballs
 * @returns path of each tarball by package name
 */
export function packPackages(folders: readonly string[], destination: string): Map<string, string> {
  const options = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const run = spawnSync('npm', [...options, ...folders], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`npm pack failed:\n${run.stderr}`)
  return new Map(report.parse(JSON.parse(run.stdout)).map(({ name, filename }) => [name, join(destination, filename)]))
}
