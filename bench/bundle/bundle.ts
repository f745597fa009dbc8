import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Bench } from '../bench.ts'
import { tableOf } from '../measuring/table.ts'

/** What is measured: the figure's name, the entry, and what it does in words. */
const bundles: readonly (readonly [figure: string, entry: string, what: string])[] = [
  ['client_cookie_gzip', 'client-cookie', '@pawl/client, cookies'],
  ['client_tokens_gzip', 'client-tokens', '@pawl/client, tokens in IndexedDB'],
  ['client_oauth_gzip', 'client-oauth', '@pawl/client, redirection with PKCE'],
  ['client_all_gzip', 'client-all', '@pawl/client, all modes of a browser'],
  ['verifier_gzip', 'verifier', '@pawl/verifier'],
  ['oidc_client_ts_gzip', 'oidc-client-ts', 'oidc-client-ts, UserManager'],
  ['auth0_spa_js_gzip', 'auth0-spa-js', '@auth0/auth0-spa-js'],
  ['supabase_auth_js_gzip', 'supabase-auth-js', '@supabase/auth-js'],
  ['better_auth_client_gzip', 'better-auth', 'better-auth/client'],
]

/** How many bytes a page has to load: bundled for a browser, minified, gzip at its best; whatever is not used left out. */
export const bundleBench: Bench = async ({ print }) => {
  const sizes: (readonly [figure: string, minified: number, compressed: number, what: string])[] = []
  for (const [figure, entry, what] of bundles) {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL(`./entries/${entry}.ts`, import.meta.url))],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2024',
      legalComments: 'none',
      write: false,
    })
    const [output] = outputFiles
    if (output === undefined) throw new Error(`${entry} gave no output`)
    sizes.push([figure, output.contents.byteLength, gzipSync(output.contents, { level: 9 }).byteLength, what])
  }
  print(
    tableOf(
      ['what a page loads', 'minified', 'gzip'],
      sizes.map(([, minified, compressed, what]) => [
        what,
        minified.toLocaleString('en'),
        compressed.toLocaleString('en'),
      ]),
    ),
  )
  return Object.fromEntries(sizes.map(([figure, , compressed]) => [figure, compressed]))
}
