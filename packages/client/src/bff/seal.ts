import { decodeBase64url, encodeBase64url } from '@pawl/protocol'

const ivBytes = 12

/** What can be made from one secret: a name that does not give it away, and a seal. */
export interface SecretUse {
  /** Derived from the secret, and of no help in finding it: for looking things up. */
  readonly name: () => Promise<string>
  /** Encrypts and authenticates a JSON value. */
  readonly seal: (value: unknown) => Promise<string>
  /** Undefined for what was not sealed with this secret, or was changed since. */
  readonly open: (sealed: string) => Promise<unknown>
}

/**
 * AES-256-GCM under a key derived from the secret (HKDF-SHA-256, RFC 5869).
 *
 * @param purpose keeps what is sealed for one use from being opened for another
 */
export function secretUse(
  secret: Uint8Array<ArrayBuffer>,
  purpose: string,
  random: (bytes: number) => Uint8Array,
): SecretUse {
  const derive = async (label: string) => {
    const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
    const info = new TextEncoder().encode(`pawl ${purpose} ${label}`)
    const bits = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
    return new Uint8Array(await crypto.subtle.deriveBits(bits, material, 256))
  }
  let imported: Promise<CryptoKey> | undefined
  const sealingKey = () => {
    imported ??= derive('seal').then((raw) =>
      crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']),
    )
    return imported
  }
  return {
    name: async () => encodeBase64url(await derive('name')),
    seal: async (value) => {
      const iv = new Uint8Array(random(ivBytes))
      const plain = new TextEncoder().encode(JSON.stringify(value))
      const encrypted = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await sealingKey(), plain)
      const sealed = new Uint8Array(ivBytes + encrypted.byteLength)
      sealed.set(iv)
      sealed.set(new Uint8Array(encrypted), ivBytes)
      return encodeBase64url(sealed)
    },
    open: async (text) => {
      const sealed = decodeBase64url(text)
      if (sealed === undefined || sealed.byteLength <= ivBytes) return undefined
      try {
        const algorithm = { name: 'AES-GCM', iv: sealed.slice(0, ivBytes) }
        const plain = await crypto.subtle.decrypt(algorithm, await sealingKey(), sealed.slice(ivBytes))
        return JSON.parse(new TextDecoder().decode(plain))
      } catch {
        return undefined
      }
    },
  }
}
