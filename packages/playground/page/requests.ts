import { member, textMember } from './settings.ts'

/** An answer as the page looks at it: `status` 0 when none came. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly error: string | undefined
  readonly reason: string | undefined
}

/** Sends JSON the way an application without a cookie jar does. */
export async function postWithoutJar(url: string, body: object): Promise<Answer> {
  return readAnswer(
    await send(url, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  )
}

/** Asks with a bearer token, or with none, and without the jar. */
export async function getWithoutJar(url: string, accessToken: string | undefined): Promise<Answer> {
  return readAnswer(
    await send(url, accessToken === undefined ? {} : { headers: { Authorization: `Bearer ${accessToken}` } }),
  )
}

async function send(url: string, init: RequestInit): Promise<Response | undefined> {
  try {
    return await fetch(url, { ...init, credentials: 'omit', cache: 'no-store' })
  } catch {
    // A fetch rejects when there was no reply, which here is a state to show and no fault.
    return undefined
  }
}

/** Reads what came back; a body that is no JSON counts as none. */
export async function readAnswer(reply: Response | undefined): Promise<Answer> {
  if (reply === undefined) return { status: 0, body: undefined, error: undefined, reason: undefined }
  const body: unknown = await reply.json().catch(() => undefined)
  return { status: reply.status, body, error: textMember(body, 'error'), reason: textMember(body, 'reason') }
}

/** The claims of an access token, as anybody who holds it can read them. Reading is not verifying: that is the API's part. */
export function decodeClaims(accessToken: string): Readonly<Record<string, unknown>> {
  const part = accessToken.split('.')[1] ?? ''
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
      character.charCodeAt(0),
    )
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return Object.fromEntries(Object.keys(Object(claims)).map((name) => [name, member(claims, name)]))
  } catch {
    return {}
  }
}
