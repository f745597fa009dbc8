import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
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
    const input = fileURLToPath(new URL(`./entries/${entry}.ts`, import.meta.url))
    const bundle = await rolldown({ input, platform: 'browser' })
    const { output } = await bundle.generate({ format: 'esm', minify: true, comments: false })
    await bundle.close()
    const minified = Buffer.from(output[0].code)
    if (output.length > 1) throw new Error(`${entry} has more than one part`)
    sizes.push([figure, minified.byteLength, gzipSync(minified, { level: 9 }).byteLength, what])
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
