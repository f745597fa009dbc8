/** One event of a stream of server-sent events. */
export interface StreamEvent {
  /** `message` where the stream does not say. */
  readonly event: string
  readonly data: string
  /** As this event says it; undefined where it does not. */
  readonly id: string | undefined
}

/**
 * Makes a reader of server-sent events (HTML, section 9.2.6). It takes the text in pieces, cut anywhere, and hands out
 * each event once its blank line is there. Comments and fields that it does not know are passed over.
 *
 * @param largest most characters that an event may take before its blank line
 * @returns a function that takes the next piece, and answers false when an event has become too large
 */
export function createEventStreamReader(
  largest: number,
  take: (event: StreamEvent) => void,
): (piece: string) => boolean {
  let line = ''
  let data: string | undefined
  let event = 'message'
  let id: string | undefined
  let size = 0
  let endedInReturn = false

  const endLine = () => {
    size += line.length
    if (line === '') {
      if (data !== undefined) take({ event, data, id })
      data = id = undefined
      event = 'message'
      size = 0
      return
    }
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`
    else if (name === 'event') event = value
    else if (name === 'id') id = value
  }

  return (piece) => {
    if (piece === '') return true
    // A line may end in CR LF, and the piece between them.
    const lines = (endedInReturn && piece.startsWith('\n') ? piece.slice(1) : piece).split(/\r\n|[\r\n]/)
    endedInReturn = piece.endsWith('\r')
    for (const [index, part] of lines.entries()) {
      if (index > 0) {
        endLine()
        line = ''
      }
      line += part
      if (size + line.length > largest) return false
    }
    return true
  }
}
