import type { SignatureAlgorithm } from '@pawl/protocol'

/** The public members of a JWK. */
export interface PublicMembers {
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** Whether a signature of the right length is one key's over a text of ASCII characters. Never throws, never rejects. */
export type SignatureCheck = (signingInput: string, signature: Uint8Array<ArrayBuffer>) => boolean | Promise<boolean>

const webParameters = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  Ed25519: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
} as const

const encoder = new TextEncoder()

/**
 * Makes the check of one public key, the only place here that knows of cryptography: by Node's own where there is such a
 * thing, which answers at once, else by WebCrypto, which answers later. Asking the process for the module, instead of
 * importing it, leaves nothing for a bundler to resolve.
 *
 * @returns undefined for a key that is none (a point off the curve), or where the runtime lacks the algorithm
 */
export async function createSignatureCheck(
  algorithm: SignatureAlgorithm,
  jwk: PublicMembers,
): Promise<SignatureCheck | undefined> {
  try {
    return nodeCheck(algorithm, jwk) ?? (await webCheck(algorithm, jwk))
  } catch {
    return undefined
  }
}

function nodeCheck(algorithm: SignatureAlgorithm, jwk: PublicMembers): SignatureCheck | undefined {
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

async function webCheck(algorithm: SignatureAlgorithm, jwk: PublicMembers): Promise<SignatureCheck> {
  const parameters = webParameters[algorithm]
  const key = await crypto.subtle.importKey('jwk', { ...jwk }, parameters, false, ['verify'])
  return (signingInput, signature) => {
    return crypto.subtle.verify(parameters, key, signature, encoder.encode(signingInput)).catch(() => false)
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
