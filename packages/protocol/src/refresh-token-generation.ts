const form = /^pawl_rt_([A-Za-z0-9_-]{92})$/

/**
 * The generation that a refresh token of Pawl's is of: bytes 25 to 32 of what is spelled after its prefix. Whoever holds
 * several tokens of one session so knows which is the newest, without asking. Nothing is said about whether it is genuine.
 *
 * @returns undefined for any other string
 */
export function readRefreshTokenGeneration(refreshToken: string): number | undefined {
  const text = form.exec(refreshToken)?.[1]
  if (text === undefined) return undefined
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  let generation = 0
  for (const byte of bytes.slice(25, 33)) generation = generation * 256 + byte.charCodeAt(0)
  return Number.isSafeInteger(generation) ? generation : undefined
}
