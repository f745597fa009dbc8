const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const foreign = 64

// The marks let a bundle that only decodes leave out what only encoding needs.
const characterCodes = /* @__PURE__ */ Uint8Array.from(alphabet, (character) => character.charCodeAt(0))
const values = new Uint8Array(256).fill(foreign)
for (const [value, character] of [...alphabet].entries()) values[character.charCodeAt(0)] = value

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
 * trailing bits that an encoder would have left zero (standards JW-1). So each byte string has one spelling.
 */
export function decodeBase64url(text: string): Octets | undefined {
  return viewBase64url(text)?.slice()
}

/** The same without a copy: what it gives is overwritten by the next call of either. */
export function viewBase64url(text: string): Octets | undefined {
  const { length } = text
  // Bytes are looked up faster than the characters of a text, and what they say takes their place.
  const bytes = length > room.length ? new Uint8Array(length) : room
  if (length % 4 === 1 || encoder.encodeInto(text, bytes).written !== length) return undefined
  let seen = 0
  let group = 0
  let written = 0
  for (let read = 0; read < length; read += 4) {
    const first = digit(bytes, read, length)
    const second = digit(bytes, read + 1, length)
    const third = digit(bytes, read + 2, length)
    const fourth = digit(bytes, read + 3, length)
    seen |= first | second | third | fourth
    group = (first << 18) | (second << 12) | (third << 6) | fourth
    bytes[written] = group >> 16
    bytes[written + 1] = group >> 8
    bytes[written + 2] = group
    written += 3
  }
  const end = (length * 3) >> 2
  // Of the last group, what did not fit has to be zero.
  const trailing = group & (2 ** (8 * (written - end)) - 1)
  return seen < foreign && trailing === 0 ? bytes.subarray(0, end) : undefined
}

/** The value of a character; 0 beyond the end. */
function digit(characters: Uint8Array, index: number, length: number): number {
  return index < length ? (values[characters[index] ?? 0] ?? 0) : 0
}
