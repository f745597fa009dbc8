/** A PostgreSQL database as a URL names it. The URL may hold a password, so it is never shown; the label is. */
export interface DatabaseAddress {
  readonly url: string
  /** Host, port and name of the database, as far as the URL gives them. For people. */
  readonly label: string
  readonly hasPassword: boolean
}

/**
 * Takes a connection URL apart, no further than to tell a wrong one from a right one; the driver reads the rest.
 *
 * @returns undefined when it is no `postgres://` URL
 */
export function readDatabaseAddress(text: string): DatabaseAddress | undefined {
  // Not every one is a WHATWG URL: `postgres://user@/name?host=/run/postgresql` speaks of a socket.
  const parts =
    /^postgres(?:ql)?:\/\/(?:(?<user>[^/?#]*)@)?(?<place>[^/?#@]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/.exec(
      text,
    )?.groups
  if (parts === undefined || /[\s\0]/.test(text)) return undefined
  const { user, place = '', path = '', query = '' } = parts
  // A password with a bare `/` or `?` ends what it stands in: the rest of the URL is read as something else, and shown.
  const isCutShort = path.includes('@') || (user === undefined && query.includes('@'))
  const host = /^(?:\[[^\]]*\]|[^:]*)(?::(?<port>\d*))?$/.exec(place)
  if (isCutShort || host === null || Number(host.groups?.['port'] ?? 0) > 65_535) return undefined
  const options = new URLSearchParams(query)
  return {
    url: text,
    label: `${place || options.get('host') || 'localhost'}${path}`,
    hasPassword: user?.includes(':') === true || options.has('password'),
  }
}
