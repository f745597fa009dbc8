import type { SignatureAlgorithm } from '@pawl/protocol'
import type { PublicMembers, SignatureCheck } from './signature-check.ts'

const encoder = new TextEncoder()

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
      return node.verify(digest, encoder.encode(signingInput), key, presented)
    } catch {
      return false
    }
  }
}

/**
 * R and S as the DER that OpenSSL works with: Node can convert by itself (`ieee-p1363`), but some of its versions verify
 * half as fast again when asked to.
 */
function derOf(signature: Uint8Array): Uint8Array {
  const der = new Uint8Array(72)
  let end = 2
  for (const half of [0, 32]) {
    const stop = half + 32
    let read = half
    while (read < stop - 1 && signature[read] === 0) read += 1
    // A first bit of 1 would make the number negative, so a zero goes before it.
    const sign = (signature[read] ?? 0) > 127 ? 1 : 0
    der[end] = 2
    der[end + 1] = sign + stop - read
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
