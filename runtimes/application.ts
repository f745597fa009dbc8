import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { installTarballs } from '../checks/packed-packages.ts'
import { buildPackages } from '../packaging/build-packages.ts'
import { packPackages } from '../packaging/pack-packages.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
const suite = fileURLToPath(new URL('conformance/suite.ts', import.meta.url))

/** An application that has installed the packages as they would be published. */
export interface Application extends Disposable {
  readonly folder: string
  /**
   * Makes one file of the suite and a few lines that start it.
   *
   * @param start imports `runSuite` from `suite`
   * @param packages `installed`: the runtime finds the packages itself; `bundled`: they are part of the file, as bundlers
   *   for browsers and Workers do it
   * @returns its path
   */
  bundle(name: string, start: string, packages: 'installed' | 'bundled'): Promise<string>
}

/** Packs the verifier, the client and the words of the wire, and installs the packages in an empty folder. */
export function installApplication(): Application {
  const work = mkdtempSync(join(tmpdir(), 'pawl-runtimes-'))
  const names = ['@pawl/protocol', '@pawl/verifier', '@pawl/client']
  const folders = buildPackages(repository).filter((folder) => /(?:protocol|verifier|client)\/dist$/.test(folder))
  const tarballs = packPackages(folders, work)
  if (names.some((name) => !tarballs.has(name))) throw new Error(`packed ${[...tarballs.keys()].join(', ')} only`)
  const folder = installTarballs(tarballs, new Map(), work)
  writeFileSync(join(folder, 'package.json'), '{"name":"application","private":true,"type":"module"}')
  return {
    folder,
    async bundle(name, start, packages) {
      const file = join(folder, name)
      const bundle = await rolldown({
        input: 'start',
        cwd: folder,
        platform: packages === 'installed' ? 'node' : 'browser',
        ...(packages === 'installed' && { external: [/^@pawl\//] }),
        // The suite lies in this repository, but what it imports is what the application has installed.
        plugins: [
          {
            name: 'suite',
            resolveId: async function (source, importer) {
              if (source === 'start') return source
              if (source === 'suite') return suite
              if (!source.startsWith('@pawl/') || importer?.startsWith(folder)) return null
              return this.resolve(source, join(folder, 'start.js'))
            },
            load: (id) => (id === 'start' ? start : null),
          },
        ],
      })
      await bundle.write({ file, format: 'esm' })
      await bundle.close()
      return file
    },
    [Symbol.dispose]: () => rmSync(work, { recursive: true, force: true }),
  }
}
