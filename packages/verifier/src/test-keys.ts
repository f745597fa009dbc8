import { isJsonObject, testKeyMember } from '@pawl/protocol'

/**
 * Whether a key set says of one of its keys that it is for tests: the issuer then runs on a secret that everybody can
 * read, and whoever reads it can forge tokens that the other keys of the set sign, too.
 */
export function holdsTestKey(keys: readonly unknown[]): boolean {
  return keys.some((key) => isJsonObject(key) && testKeyMember in key)
}
