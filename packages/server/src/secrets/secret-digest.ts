import { createHash } from 'node:crypto'

/**
 * SHA-256 of a secret, for storing it. Only for secrets that are random and long (128 bits or more): a password needs a
 * slow hash instead (see users/password-hash.ts).
 *
 * @param secret text, taken as UTF-8, or bytes
 */
export function digestSecret(secret: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(secret).digest())
}
