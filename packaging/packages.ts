import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const manifestForm = z.looseObject({
  name: z.string(),
  version: z.string(),
  private: z.boolean().default(false),
  files: z.array(z.string()).default([]),
  bin: z.record(z.string(), z.string()).default({}),
  exports: z.record(z.string(), z.string()).default({}),
  imports: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  peerDependencies: z.record(z.string(), z.string()).default({}),
})

/** The parts of a package.json that packaging reads; all others are carried along. */
export type Manifest = z.infer<typeof manifestForm>

/** A package of this repository. */
export interface Package {
  /** Its folder below the root. */
  readonly folder: string
  readonly manifest: Manifest
}

/** Every package below `packages/`, each after those that it depends on. */
export function readPackages(root: string): Package[] {
  const found = readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readManifest(join(root, folder)) }))
  const sorted: Package[] = []
  const visit = (visited: Package, path: readonly string[]) => {
    const { name, dependencies, peerDependencies } = visited.manifest
    if (path.includes(name))
      throw new Error(`packages depend on each other in a circle: ${[...path, name].join(' → ')}`)
    const needed = { ...dependencies, ...peerDependencies }
    for (const other of found) if (other.manifest.name in needed) visit(other, [...path, name])
    if (!sorted.includes(visited)) sorted.push(visited)
  }
  for (const each of found) visit(each, [])
  return sorted
}

/** Throws when a package.json is not of its form: `exports` and `bin` hold plain paths here. */
function readManifest(folder: string): Manifest {
  return manifestForm.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
}
