const longest = 256

/**
 * Whether a text can be a username: 1 to 256 code points, no space at either end, no control character, no line separator,
 * no half of a surrogate pair. An e-mail address can.
 */
export function isUsername(text: string): boolean {
  const codePoints = text.length > longest * 2 ? longest + 1 : [...text].length
  return codePoints >= 1 && codePoints <= longest && text.trim() === text && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)
}
