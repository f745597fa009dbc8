/**
 * Refuses a text that some engine could not give back as it is: PostgreSQL has no NUL in texts, and neither engine
 * stores half a surrogate pair. Callers validate what people type long before; this keeps two names from becoming one.
 *
 * @throws TypeError when the text holds either
 */
export function storableText(text: string): string {
  if (text.includes('\0') || !text.isWellFormed()) throw new TypeError('text holds NUL or half a surrogate pair')
  return text
}
