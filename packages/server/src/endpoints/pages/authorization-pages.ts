import { type ErrorCode, errorTable } from '@pawl/protocol'
import { html } from 'hono/html'
import type { AuthorizationRequest } from '../../authorizations/authorization-request.ts'
import { redirectPlace } from '../../authorizations/redirect-uri.ts'
import { isClientIdUrl } from '../../registered-clients/client.ts'
import type { PawlContext } from '../refusal-response.ts'
import { clientTitle } from './client-title.ts'
import type { PageContent, PageFrame } from './page-frame.ts'
import type { PageFault } from './translations.ts'

/** The page that asks who is there. Its form goes back to where it came from. */
export function signInPage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  page: {
    /** What for, as a clause. */
    readonly purpose: string
    /** Where it may lead beside this server. */
    readonly leadsTo: string | undefined
    readonly proof: string
    readonly username: string
    readonly complaint?: string
    readonly status?: PageContent['status']
  },
): Promise<Response> {
  const complaint = page.complaint === undefined ? '' : html`<p class="alert" role="alert">${page.complaint}</p>`
  return answer(context, {
    title: texts.signIn,
    status: page.status ?? 200,
    ...(page.leadsTo !== undefined && { leadsTo: page.leadsTo }),
    body: html`
<h1>${texts.signIn}</h1>
<p class="soft">${page.purpose}</p>
${complaint}
<form method="post">
<input type="hidden" name="step" value="sign-in">
<input type="hidden" name="proof" value="${page.proof}">
<label for="username">${texts.username}</label>
<input type="text" id="username" name="username" value="${page.username}" autocomplete="username" autocapitalize="none" spellcheck="false" required>
<label for="password">${texts.password}</label>
<input type="password" id="password" name="password" autocomplete="current-password" required>
<button class="main">${texts.signIn}</button>
</form>`,
  })
}

/** The page that asks whether a client may have what it asks for (standards AZ-11). */
export function consentPage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  page: {
    readonly request: AuthorizationRequest
    readonly username: string
    readonly proof: string
    /** For how long the client may go on, in seconds. */
    readonly seconds: number
  },
): Promise<Response> {
  const { client, redirectUri, scope, resources } = page.request
  const place = redirectPlace(redirectUri)
  const name = clientTitle(client)
  const vouchedFor = client.selfRegistration === undefined && !isClientIdUrl(client.id)
  const warning = vouchedFor ? '' : html`<p class="alert">${texts.unvouched(client.id)}</p>`
  const wishes = scope.length > 0 ? scope.map(texts.scope) : [texts.nothingInParticular]
  const lasts =
    page.seconds >= 86_400
      ? texts.days(Math.floor(page.seconds / 86_400))
      : texts.minutes(Math.max(1, Math.floor(page.seconds / 60)))
  return answer(context, {
    title: texts.consentTitle(name),
    status: 200,
    leadsTo: place.policySource,
    body: html`
<h1>${texts.consentTitle(name)}</h1>
<p class="soft">${texts.signedInAs(page.username)}</p>
${warning}
<dl>
<dt>${texts.wants}</dt>
<dd><ul>${wishes.map((wish) => html`<li>${wish}</li>`)}</ul></dd>
<dt>${texts.at}</dt>
<dd>${resources.map((resource) => html`<div><code>${resource}</code></div>`)}</dd>
<dt>${texts.goesTo}</dt>
<dd><code>${place.shown}</code></dd>
<dt>${texts.lasts}</dt>
<dd>${lasts}</dd>
</dl>
<p class="soft">${texts.takeBack}</p>
<form method="post" class="row">
<input type="hidden" name="step" value="consent">
<input type="hidden" name="proof" value="${page.proof}">
<button class="main" name="allow" value="yes">${texts.allow}</button>
<button name="deny" value="yes">${texts.deny}</button>
</form>
<form method="post">
<input type="hidden" name="step" value="sign-out">
<input type="hidden" name="proof" value="${page.proof}">
<button class="plain">${texts.useAnotherAccount}</button>
</form>`,
  })
}

/** The page for what cannot be answered anywhere else: status and code of the error table. */
export function errorPage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  page: { readonly error: ErrorCode; readonly fault: PageFault; readonly status: PageContent['status'] },
): Promise<Response> {
  context.set('outcome', `${page.error}:${page.fault}`)
  return answer(context, {
    title: texts.errorTitle,
    status: page.status,
    body: html`
<h1>${texts.errorTitle}</h1>
<p>${texts.errorOf[page.fault]}</p>
<dl>
<dt>${texts.errorCode}</dt>
<dd><code>${page.error}</code></dd>
<dt>${texts.requestId}</dt>
<dd><code>${context.get('requestId')}</code></dd>
</dl>`,
  })
}

/** Query parameters that tell a client why it gets no code (RFC 6749 section 4.1.2.1). */
export function errorParameters(error: ErrorCode): { readonly error: string; readonly error_description: string } {
  return { error, error_description: errorTable[error].description }
}

/** The page that asks whether somebody really wants to sign out. */
export function signOutPage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  page: { readonly username: string; readonly proof: string; readonly leadsTo: string | undefined },
): Promise<Response> {
  return answer(context, {
    title: texts.signOutTitle,
    status: 200,
    ...(page.leadsTo !== undefined && { leadsTo: page.leadsTo }),
    body: html`
<h1>${texts.signOutTitle}</h1>
<p class="soft">${texts.signedInAs(page.username)}</p>
<form method="post" class="row">
<input type="hidden" name="step" value="sign-out">
<input type="hidden" name="proof" value="${page.proof}">
<button class="main" name="allow" value="yes">${texts.signOut}</button>
<button name="deny" value="yes">${texts.staySignedIn}</button>
</form>`,
  })
}

/** The page after that. */
export function signedOutPage(
  context: PawlContext,
  { texts, answer }: PageFrame,
  { stayed }: { readonly stayed: boolean },
): Promise<Response> {
  const [title, text] = stayed ? [texts.stayedTitle, texts.stayed] : [texts.signedOutTitle, texts.signedOut]
  return answer(context, { title, status: 200, body: html`<h1>${title}</h1><p>${text}</p>` })
}
