import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { importMap, moduleExtension, pageFolder } from './page-files.ts'

/** What the page is told. None of it is secret. */
export interface PageSettings {
  readonly issuer: string
  /** The issuer's path, without trailing slash. */
  readonly base: string
  readonly clientId: string
  readonly username: string
  readonly accessSeconds: number
  readonly raceWindowSeconds: number
}

/** A document of the playground, and the module that runs in it. */
export type PageName = 'playground' | 'second-tab'

/**
 * Fills one of the two documents in. Its policy allows what this server serves and nothing else; the import map is the
 * only inline script, allowed by its hash (CSP level 3 section 2.3.1).
 */
export async function writeDocument(
  page: PageName,
  settings: PageSettings,
): Promise<{ readonly html: string; readonly policy: string }> {
  const root = `${settings.base}/playground`
  const map = embedded(importMap(root))
  const places: Readonly<Record<string, string>> = {
    root: escaped(root),
    issuer: escaped(settings.issuer),
    username: escaped(settings.username),
    'access-seconds': String(settings.accessSeconds),
    'race-window-seconds': String(settings.raceWindowSeconds),
    scripts: [
      `<script type="importmap">${map}</script>`,
      `<script type="application/json" id="settings">${embedded(settings)}</script>`,
      `<script type="module" src="${escaped(root)}/page/${page}.${await moduleExtension()}"></script>`,
    ].join('\n'),
  }
  const template = await readFile(new URL(`${page}.html`, pageFolder), 'utf8')
  const html = template.replaceAll(/(?:<!--)?\{\{([a-z-]+)\}\}(?:-->)?/g, (_place, name: string) => places[name] ?? '')
  const hash = createHash('sha256').update(map).digest('base64')
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  return { html, policy }
}

/** JSON that cannot end the script element it stands in. */
function embedded(value: object): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
