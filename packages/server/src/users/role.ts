/** Whether a text can be a role: 1 to 128 characters without control characters, no half of a surrogate pair. */
export function isRole(text: string): boolean {
  return text.length <= 128 && /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u.test(text)
}
