/** What the server told the page. */
export interface Settings {
  readonly issuer: string
  readonly base: string
  readonly clientId: string
  readonly accessSeconds: number
  readonly raceWindowSeconds: number
}

/**
 * Reads the settings that the document came with.
 *
 * @throws Error when they are not there
 */
export function readSettings(): Settings {
  const given: unknown = JSON.parse(document.getElementById('settings')?.textContent ?? 'null')
  const issuer = member(given, 'issuer')
  const base = member(given, 'base')
  const clientId = member(given, 'clientId')
  const accessSeconds = member(given, 'accessSeconds')
  const raceWindowSeconds = member(given, 'raceWindowSeconds')
  if (typeof issuer !== 'string' || typeof base !== 'string' || typeof clientId !== 'string')
    throw new Error('settings are missing')
  if (typeof accessSeconds !== 'number' || typeof raceWindowSeconds !== 'number')
    throw new Error('settings are missing')
  return { issuer, base, clientId, accessSeconds, raceWindowSeconds }
}

/** A member of a value that may be no object; undefined when it has none of that name. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** A member that is text. */
export function textMember(value: unknown, name: string): string | undefined {
  const found = member(value, name)
  return typeof found === 'string' ? found : undefined
}

/** A member that is a finite number. */
export function numberMember(value: unknown, name: string): number | undefined {
  const found = member(value, name)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}
