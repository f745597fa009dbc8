import { createCipheriv, createDecipheriv } from 'node:crypto'
import { decodeBase64url } from '@pawl/protocol'
import type { Random } from '../secrets/random.ts'
import type { ServerSecret } from '../secrets/server-secrets.ts'

// Envelope: version (1 byte), id of the secret (8), nonce (12), ciphertext, tag (16).
const version = 1
const secretIdBytes = 8
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + secretIdBytes
const sealingLabel = 'signing key sealing'

/**
 * Encrypts a private key for storing it: AES-256-GCM under a key derived from a server secret, with the key id as
 * additional data, so that sealed keys cannot be exchanged for one another.
 *
 * @param kid RFC 7638 thumbprint of the key
 * @param random draws the nonce; 96 random bits are ample for the few keys that a secret ever seals
 */
export function sealPrivateKey(privateKey: Uint8Array, kid: string, secret: ServerSecret, random: Random): Uint8Array {
  const head = envelopeHead(secret)
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', secret.derive(sealingLabel), nonce)
  cipher.setAAD(additionalData(head, kid))
  return new Uint8Array(Buffer.concat([head, nonce, cipher.update(privateKey), cipher.final(), cipher.getAuthTag()]))
}

/**
 * Decrypts what {@link sealPrivateKey} made.
 *
 * @param secrets the secrets of this server, in any order
 * @returns the private key; `wrong_secret` when it was sealed under none of them; `corrupt` when it was changed since,
 *   belongs to another key id, or is no such envelope
 */
export function openPrivateKey(
  sealed: Uint8Array,
  kid: string,
  secrets: readonly ServerSecret[],
): Uint8Array | 'wrong_secret' | 'corrupt' {
  if (sealed.length < headBytes + nonceBytes + tagBytes || sealed[0] !== version) return 'corrupt'
  const head = sealed.subarray(0, headBytes)
  const secret = secrets.find((candidate) => Buffer.compare(envelopeHead(candidate), head) === 0)
  if (secret === undefined) return 'wrong_secret'
  const nonce = sealed.subarray(headBytes, headBytes + nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', secret.derive(sealingLabel), nonce, { authTagLength: tagBytes })
  decipher.setAAD(additionalData(head, kid))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  try {
    const opened = decipher.update(sealed.subarray(headBytes + nonceBytes, -tagBytes))
    return new Uint8Array(Buffer.concat([opened, decipher.final()]))
  } catch {
    // The tag did not verify: that is GCM's only way to say so.
    return 'corrupt'
  }
}

function envelopeHead(secret: ServerSecret): Uint8Array {
  const id = decodeBase64url(secret.id)
  if (id?.length !== secretIdBytes) throw new TypeError('the id of a server secret is 8 bytes as base64url')
  return Uint8Array.of(version, ...id)
}

function additionalData(head: Uint8Array, kid: string): Uint8Array {
  return Buffer.concat([head, Buffer.from(kid)])
}
