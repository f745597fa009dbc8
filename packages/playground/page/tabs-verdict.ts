/** What one tab saw of its refresh. */
export interface TabResult {
  /** Generation that its request presented; undefined: its client sent none. */
  readonly presented: number | undefined
  /** Generation that it has now, by the readable cookie. */
  readonly holds: number | undefined
  /** First characters of the attempt id of its request. */
  readonly attempt: string
  /** First characters of the `jti` of the access token it has now. */
  readonly accessTokenId: string
}

/** Both tabs' results. */
export interface TabsMet {
  readonly own: TabResult
  readonly other: TabResult
}

/** What two tabs that refreshed at once showed, and which rule decided. */
export function explainTabs({ own, other }: TabsMet): string {
  if (own.holds === undefined || own.holds !== other.holds) {
    return `The tabs stand at generations ${own.holds ?? 'none'} and ${other.holds ?? 'none'}. The list tells what came in between.`
  }
  if (own.presented === undefined || other.presented === undefined) {
    return `One tab refreshed; the other found generation ${own.holds} in the jar and needed no request. Both are signed in.`
  }
  if (own.presented !== other.presented) {
    return `The tabs presented generations ${own.presented} and ${other.presented}: on this machine one reply came before the other request left. Both are signed in; try again to see them meet.`
  }
  const shared = own.attempt !== '' && own.attempt === other.attempt
  const rule = shared
    ? `The race window explains it, and so does the attempt id ${own.attempt}…, which the tabs share.`
    : 'The race window explains it.'
  return `Two requests with generation ${own.presented}, one step: one was the advance, the other got the very same refresh token of generation ${own.holds} as a repeat. ${rule} Each tab has an access token of its own: ${own.accessTokenId}… and ${other.accessTokenId}….`
}
