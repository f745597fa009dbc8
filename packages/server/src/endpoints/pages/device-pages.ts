import { html } from 'hono/html'
import type { ClientRecord } from '../../registered-clients/client.ts'
import type { PawlContext } from '../refusal-response.ts'
import { clientTitle } from './client-title.ts'
import type { PageContent, PageFrame } from './page-frame.ts'

/** The page on which a person types what a device shows. */
export function enterCodePage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  page: { readonly typed: string; readonly complaint: string | undefined; readonly status: PageContent['status'] },
): Promise<Response> {
  const complaint = page.complaint === undefined ? '' : html`<p class="alert" role="alert">${page.complaint}</p>`
  return answer(context, {
    title: texts.deviceTitle,
    status: page.status,
    body: html`
<h1>${texts.deviceTitle}</h1>
<p class="soft">${texts.deviceEnter}</p>
${complaint}
<form method="post">
<input type="hidden" name="step" value="code">
<label for="user_code">${texts.userCode}</label>
<input type="text" id="user_code" name="user_code" value="${page.typed}" autocomplete="off" autocapitalize="characters" spellcheck="false" required>
<button class="main">${texts.goOn}</button>
</form>`,
  })
}

/** The page that says what a device would get, and asks whether it is the person's own doing (RFC 8628 section 5.4). */
export function confirmDevicePage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  page: {
    readonly client: Pick<ClientRecord, 'id'>
    readonly scope: readonly string[]
    readonly resources: readonly string[]
    readonly code: string
    readonly username: string
    readonly proof: string
  },
): Promise<Response> {
  const wishes = page.scope.length > 0 ? page.scope.map(texts.scope) : [texts.nothingInParticular]
  return answer(context, {
    title: texts.deviceConfirm(clientTitle(page.client)),
    status: 200,
    body: html`
<h1>${texts.deviceConfirm(clientTitle(page.client))}</h1>
<p class="soft">${texts.signedInAs(page.username)}</p>
<p>${texts.deviceWarning}</p>
<dl>
<dt>${texts.userCode}</dt>
<dd><code>${page.code}</code></dd>
<dt>${texts.wants}</dt>
<dd><ul>${wishes.map((wish) => html`<li>${wish}</li>`)}</ul></dd>
<dt>${texts.at}</dt>
<dd>${page.resources.map((resource) => html`<div><code>${resource}</code></div>`)}</dd>
</dl>
<form method="post" class="row">
<input type="hidden" name="step" value="decide">
<input type="hidden" name="proof" value="${page.proof}">
<button class="main" name="allow" value="yes">${texts.allow}</button>
<button name="deny" value="yes">${texts.deny}</button>
</form>`,
  })
}

/** The page after that. */
export function deviceDonePage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  { allowed }: { readonly allowed: boolean },
): Promise<Response> {
  const [title, text] = allowed
    ? [texts.deviceAllowedTitle, texts.deviceAllowed]
    : [texts.deviceDeniedTitle, texts.deviceDenied]
  return answer(context, { title, status: 200, body: html`<h1>${title}</h1><p>${text}</p>` })
}
