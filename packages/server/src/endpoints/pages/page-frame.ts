import { html, raw } from 'hono/html'
import type { PawlContext } from '../refusal-response.ts'
import { pageStyle } from './page-style.ts'
import { english, type PageTexts } from './translations.ts'

/** What `html` gives: text in which everything that was put in is escaped. */
export type Markup = ReturnType<typeof html>

/** One page, to be put into the frame. */
export interface PageContent {
  readonly title: string
  readonly body: Markup
  readonly status: 200 | 400 | 401 | 403 | 404 | 429 | 503
  /** Where submitting its form may lead, beside this server: browsers hold redirects to the policy, too. */
  readonly leadsTo?: string
}

/** What all pages have around them. */
export interface PageFrame {
  readonly texts: PageTexts
  readonly answer: (context: PawlContext, content: PageContent) => Promise<Response>
}

/**
 * The frame of all pages: no script, no resource of anybody else's, in nobody's frame (standards G-9).
 *
 * @param look.name what the server is called
 * @param look.logo a `data:` URI of an image
 * @param look.colour `#rrggbb`, of the button that goes on
 */
export function createPageFrame(look: {
  readonly name: string
  readonly logo: string | undefined
  readonly colour: string | undefined
}): PageFrame {
  const style = pageStyle(look.colour)
  const styleHash = crypto.subtle
    .digest('SHA-256', new TextEncoder().encode(style))
    .then((digest) => Buffer.from(digest).toString('base64'))
  const texts = english
  const logo = look.logo === undefined ? '' : html`<img src="${look.logo}" alt="">`
  return {
    texts,
    async answer(context, { title, body, status, leadsTo }) {
      const page = await html`<!doctype html>
<html lang="${texts.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${look.name}</title>
<style>${raw(style)}</style>
</head>
<body>
<main>
<header>${logo}<span>${look.name}</span></header>
<div class="card">${body}</div>
</main>
</body>
</html>`
      const target = leadsTo === undefined ? "'self'" : `'self' ${leadsTo}`
      const policy = [
        "default-src 'none'",
        `style-src 'sha256-${await styleHash}'`,
        'img-src data:',
        `form-action ${target}`,
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ]
      context.header('Content-Security-Policy', policy.join('; '))
      return context.html(page, status)
    },
  }
}
