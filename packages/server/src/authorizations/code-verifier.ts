import { constantTimeEqual } from '../secrets/constant-time-equal.ts'
import { digestSecret } from '../secrets/secret-digest.ts'

/** RFC 7636 section 4.1. */
const verifierForm = /^[A-Za-z0-9._~-]{43,128}$/

/** Whether a verifier is the one behind an S256 challenge (RFC 7636 section 4.6), in constant time. */
export function provesChallenge(verifier: string | undefined, challenge: string): boolean {
  if (verifier === undefined || !verifierForm.test(verifier)) return false
  return constantTimeEqual(digestSecret(verifier), new Uint8Array(Buffer.from(challenge, 'base64url')))
}
