import { createHmac } from 'node:crypto'
import ipaddr from 'ipaddr.js'

/** What can be guessed at; `client_registration` cannot, and is counted each time it is done. */
export type GuessedAt = 'password' | 'client_secret' | 'user_code' | 'client_registration'

/** Whose failures are counted together. */
export interface FailureSubject {
  readonly guessedAt: GuessedAt
  /** The username as {@link usernameKey} has it, or the client id; as claimed, whether or not there is such a one. Of a user code the id of the user who types it. */
  readonly claimed: string
  /** Where the request comes from; null where the runtime does not tell, and then all of those count as one place. */
  readonly address: string | null
}

const keyBytes = 16
/** Of the digest of a client id: 65,536 rows for one address at most. */
const clientBytes = 2

/**
 * Names a subject by a keyed digest, so that neither the store nor a copy of it tells who failed where.
 *
 * @param secret 32 bytes, the same on every node
 */
export function failureKey(subject: FailureSubject, secret: Uint8Array): string {
  const { guessedAt, claimed, address } = subject
  // Client ids can be made up as fast as requests can be sent, and each would leave a row. Where the right credential
  // passes in any case, those that share a row only share how long their wrong ones wait.
  const counted =
    guessedAt === 'client_secret' ? digest(secret, [claimed]).subarray(0, clientBytes).toString('hex') : claimed
  return digest(secret, [guessedAt, counted, placeOf(address)])
    .subarray(0, keyBytes)
    .toString('base64url')
}

function digest(secret: Uint8Array, parts: readonly string[]): Buffer {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest()
}

/** An IPv4 address, or the /64 of an IPv6 one: whoever has one address of a /64 has all of them. */
function placeOf(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return ''
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4'
    ? parsed.toString()
    : ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`).toString()
}
