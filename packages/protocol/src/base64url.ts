const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const foreign = 64

// The marks let a bundle that only decodes leave out what only encoding needs.
const characterCodes = /* @__PURE__ */ Uint8Array.from(alphabet, (character) => character.charCodeAt(0))
const values = new Uint8Array(256).fill(foreign)
for (let value = 0; value < foreign; value += 1) values[alphabet.charCodeAt(value)] = value

/**
 * Bytes in memory of their own, which cryptography takes: `Uint8Array<ArrayBuffer>`, spelled so that compilers from before
 * TypeScript 5.7 understand it, too.
 */
export type Octets = ReturnType<typeof Uint8Array.of>

const ascii = /* @__PURE__ */ new TextDecoder()
const encoder = new TextEncoder()
const room = new Uint8Array(16_384)

/** Writes bytes as base64url without padding (RFC 4648 section 5). */
export function encodeBase64url(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil((bytes.length * 4) / 3))
  let written = 0
  for (let read = 0; read < bytes.length; read += 3) {
    // Reading past the end gives undefined, which the shifts take as 0; writing past the end does nothing.
    const group = ((bytes[read] ?? 0) << 16) | ((bytes[read + 1] ?? 0) << 8) | (bytes[read + 2] ?? 0)
    text[written] = characterCodes[group >> 18] ?? 0
    text[written + 1] = characterCodes[(group >> 12) & 63] ?? 0
    text[written + 2] = characterCodes[(group >> 6) & 63] ?? 0
    text[written + 3] = characterCodes[group & 63] ?? 0
    written += 4
  }
  return ascii.decode(text)
}

/**
 * Reads base64url without padding, strictly: undefined for foreign characters, padding, an impossible length, or
 * trailing bits that an encoder would have left zero (standards JW-1). So each byte string has one spelling. Texts beyond
 * 16,384 characters are refused, too.
 */
export function decodeBase64url(text: string): Octets | undefined {
  return viewBase64url(text)?.slice()
}

/** The same without a copy: what it gives is overwritten by the next call of either. */
export function viewBase64url(text: string): Octets | undefined {
  const { length } = text
  // Bytes are looked up faster than the characters of a text, and what they say takes their place.
  if (length % 4 === 1 || encoder.encodeInto(text, room).written !== length) return undefined
  let seen = 0
  let group = 0
  let written = 0
  for (let read = 0; read < length; ) {
    for (const next = read + 4; read < next; read += 1) {
      const value = read < length ? (values[room[read] ?? 0] ?? 0) : 0
      seen |= value
      group = (group << 6) | value
    }
    room[written++] = group >> 16
    room[written++] = group >> 8
    room[written++] = group
  }
  const end = (length * 3) >> 2
  // Of the last group, what did not fit has to be zero.
  const trailing = group % 2 ** (8 * (written - end))
  return seen < foreign && trailing === 0 ? room.subarray(0, end) : undefined
}
