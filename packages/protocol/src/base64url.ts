const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const foreign = 64

// The marks let a bundle that only decodes leave out what only encoding needs.
const characterCodes = /* @__PURE__ */ Uint8Array.from(alphabet, (character) => character.charCodeAt(0))
const values = new Uint8Array(128).fill(foreign)
for (const [value, character] of [...alphabet].entries()) values[character.charCodeAt(0)] = value

const ascii = /* @__PURE__ */ new TextDecoder()

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
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  const rest = text.length % 4
  if (rest === 1) return undefined
  const whole = text.length - rest
  const bytes = new Uint8Array((whole / 4) * 3 + Math.max(rest - 1, 0))
  let seen = 0
  let written = 0
  for (let read = 0; read < whole; read += 4) {
    const first = values[text.charCodeAt(read)] ?? foreign
    const second = values[text.charCodeAt(read + 1)] ?? foreign
    const third = values[text.charCodeAt(read + 2)] ?? foreign
    const fourth = values[text.charCodeAt(read + 3)] ?? foreign
    seen |= first | second | third | fourth
    bytes[written] = (first << 2) | (second >> 4)
    bytes[written + 1] = (second << 4) | (third >> 2)
    bytes[written + 2] = (third << 6) | fourth
    written += 3
  }
  if (rest > 0) {
    const first = values[text.charCodeAt(whole)] ?? foreign
    const second = values[text.charCodeAt(whole + 1)] ?? foreign
    const third = rest === 3 ? (values[text.charCodeAt(whole + 2)] ?? foreign) : 0
    seen |= first | second | third
    const trailing = rest === 3 ? third & 0b11 : second & 0b1111
    if (trailing !== 0) return undefined
    bytes[written] = (first << 2) | (second >> 4)
    if (rest === 3) bytes[written + 1] = (second << 4) | (third >> 2)
  }
  return seen < foreign ? bytes : undefined
}
