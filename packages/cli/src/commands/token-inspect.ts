import { refusalReasons } from '@pawl/protocol'
import type { TokenInspection } from '@pawl/server'
import { Command } from 'commander'
import { administer, type CommandBuilder } from '../administer.ts'
import { instant, jsonOption, type Outcome, type OutputOptions, printable, report } from '../output.ts'
import { readSecret } from '../secret-input.ts'
import { explainEnd, sessionDocument } from '../session-document.ts'

type RefreshInspection = Extract<TokenInspection, { kind: 'refresh_token' }>
type AccessInspection = Extract<TokenInspection, { kind: 'access_token' }>

const standings: Readonly<Record<RefreshInspection['standing'], string>> = {
  current: 'the live token of its session',
  superseded: 'genuine, but the session has moved on: an earlier token',
  ahead: 'genuine, but newer than what the store knows: the store has lost writes',
  not_genuine: 'not issued by this server',
  key_not_loaded: 'made with a refresh key whose secret is not here; add that secret to PAWL_SECRETS to tell',
}

/** `pawl token inspect`, the token on standard input */
export const tokenInspect: CommandBuilder = (surroundings) =>
  new Command('inspect')
    .description(
      'say what a token is and whether this server accepts it; reads it from standard input and changes nothing',
    )
    .addOption(jsonOption())
    .action(async (options: OutputOptions) => {
      const token = await readSecret(surroundings.terminal, 'token')
      if (!token.ok) return surroundings.exitWith(report(token, options, surroundings.terminal))
      await administer(surroundings, options, async (administration) => {
        const inspection = await administration.inspectToken(token.secret.trim())
        switch (inspection.kind) {
          case 'refresh_token':
            return refreshOutcome(inspection)
          case 'access_token':
            return accessOutcome(inspection)
          case 'unknown':
            return {
              ok: false,
              message:
                'this is no token of ours: neither pawl_rt_… with a right checksum nor a JWT; look whether all of it was copied',
            }
        }
      })
    })

function refreshOutcome(inspection: RefreshInspection): Outcome {
  const { keyId, sessionId, generation, standing, session, ended } = inspection
  const text = [
    'kind        refresh token',
    `session     ${sessionId}`,
    `generation  ${generation}`,
    `key         ${keyId}`,
    `standing    ${standings[standing]}`,
  ]
  if (session !== undefined) {
    text.push(
      `user        ${printable(session.userId)}`,
      `client      ${printable(session.clientId)}`,
      `at          generation ${session.generation}, last used ${instant(session.lastUsedAt)}`,
      ended === null || ended === undefined
        ? `ends        ${explainEnd(session)}`
        : `ended       ${refusalReasons[ended]}`,
    )
  }
  const json = {
    kind: 'refresh_token',
    session_id: sessionId,
    generation,
    key_id: keyId,
    standing,
    ...(session !== undefined && { session: sessionDocument(session), ended: ended ?? null }),
  }
  return { ok: true, text, json }
}

function accessOutcome({ header, claims, verdict }: AccessInspection): Outcome {
  return {
    ok: true,
    text: [
      'kind     access token (JWT)',
      `header   ${printable(JSON.stringify(header))}`,
      ...Object.entries(claims).map(([name, value]) => `claim    ${printable(`${name}: ${claimText(name, value)}`)}`),
      `verdict  ${verdict === 'active' ? 'active: this server accepts it' : `refused (${verdict}): ${refusalReasons[verdict]}`}`,
    ],
    json: { kind: 'access_token', header, claims, verdict },
  }
}

/** Seconds since 1970 tell people little. */
function claimText(name: string, value: unknown): string {
  const isInstant =
    ['exp', 'iat', 'nbf', 'auth_time'].includes(name) && typeof value === 'number' && Math.abs(value) < 8e12
  return isInstant ? `${value} (${instant(value * 1000)})` : JSON.stringify(value)
}
