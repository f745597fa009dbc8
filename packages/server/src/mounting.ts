/** A framework may have taken the mount path off; every route stands below it. */
export function belowBasePath(request: Request, basePath: string): Request {
  if (basePath === '') return request
  const url = new URL(request.url)
  const inside = url.pathname === basePath || url.pathname.startsWith(`${basePath}/`)
  // RFC 8414 section 3.1 puts the issuer's path behind the well-known one.
  if (inside || (url.pathname.startsWith('/.well-known/') && url.pathname.endsWith(basePath))) return request
  url.pathname = basePath + url.pathname
  return new Request(url, request)
}

/** The address that a runtime tells of a connection. */
export function remoteAddressOf(connection: unknown): string | undefined {
  if (typeof connection !== 'object' || connection === null || !('remoteAddress' in connection)) return undefined
  return typeof connection.remoteAddress === 'string' ? connection.remoteAddress : undefined
}
