import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'

/** What a bundler makes of an application's code for browsers and Workers. */
export interface Bundle {
  /** Minified and packed with gzip, as it goes over the wire. */
  readonly bytes: number
  /** What is left to import at run time, and any word of Node's modules. */
  readonly imports: readonly string[]
}

/**
 * Bundles a module of an application with all that it imports, minified, without the code of Node that packages keep for
 * the condition `node`.
 *
 * @param application a folder with the packages that the code imports in its `node_modules`
 */
export async function bundleForBrowsers(application: string, code: string): Promise<Bundle> {
  const input = join(application, 'bundled.js')
  writeFileSync(input, code)
  const bundle = await rolldown({ input, cwd: application, platform: 'browser', logLevel: 'silent' })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  const chunks = output.filter((file) => file.type === 'chunk')
  const text = chunks.map((chunk) => chunk.code).join('')
  return {
    bytes: gzipSync(text, { level: 9 }).length,
    imports: [...chunks.flatMap((chunk) => chunk.imports), ...(text.match(/node:\w+|getBuiltinModule/g) ?? [])],
  }
}
