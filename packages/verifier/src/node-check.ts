import type { SignatureAlgorithm } from '@pawl/protocol'
import type { PublicMembers, SignatureCheck } from './signature-check.ts'

const encoder = new TextEncoder()

// Room for one check after the other: memory of its own for each would be one of the larger costs beside the check itself.
const textRoom = new Uint8Array(16_384)
const derRoom = new Uint8Array(72)

/**
 * Makes a check that answers at once, by Node's own cryptography. Asking the process for the module, instead of importing
 * it, leaves nothing to resolve where there is no such module.
 *
 * @returns undefined where there is none
 * @throws Error for a key that is none
 */
export function checkAtOnce(algorithm: SignatureAlgorithm, jwk: PublicMembers): SignatureCheck | undefined {
  // Not every runtime has a process, and not every process this method; the types know Node's only.
  const host: { readonly process?: Partial<NodeJS.Process> } = globalThis
  const node = host.process?.getBuiltinModule?.('crypto')
  if (node === undefined) return undefined
  const key = node.createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const digest = algorithm === 'Ed25519' ? null : 'sha256'
  return (signingInput, signature) => {
    try {
      const presented = algorithm === 'ES256' ? derOf(signature) : signature
      return node.verify(digest, bytesOf(signingInput), key, presented)
    } catch {
      return false
    }
  }
}

/** Text of ASCII characters, until the next call. */
function bytesOf(text: string): Uint8Array {
  if (text.length > textRoom.length) return encoder.encode(text)
  return textRoom.subarray(0, encoder.encodeInto(text, textRoom).written)
}

/**
 * R and S as the DER that OpenSSL works with: Node can convert by itself (`ieee-p1363`), but some of its versions verify
 * half as fast again when asked to. It stays until the next call.
 */
function derOf(signature: Uint8Array): Uint8Array {
  const der = derRoom
  let end = 2
  for (const half of [0, 32]) {
    const stop = half + 32
    let read = half
    while (read < stop - 1 && signature[read] === 0) read += 1
    // A first bit of 1 would make the number negative, so a zero goes before it.
    const sign = (signature[read] ?? 0) > 127 ? 1 : 0
    der[end] = 2
    der[end + 1] = sign + stop - read
    der[end + 2] = 0
    end += 2 + sign
    for (; read < stop; read += 1) {
      der[end] = signature[read] ?? 0
      end += 1
    }
  }
  der[0] = 0x30
  der[1] = end - 2
  return der.subarray(0, end)
}
