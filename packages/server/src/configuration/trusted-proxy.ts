import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/**
 * Reads an IP address as people and sockets write it: four decimal parts or IPv6, a zone dropped, IPv4 inside IPv6
 * (`::ffff:10.0.0.1`) taken for the IPv4 address it is. Undefined for anything else, `127.1` and `0x7f000001` included.
 */
function readAddress(text: string): Address | undefined {
  const withoutZone = text.replace(/%.*$/, '')
  if (!ipaddr.IPv4.isValidFourPartDecimal(withoutZone) && !ipaddr.IPv6.isValid(withoutZone)) return undefined
  return ipaddr.process(withoutZone)
}

/** An entry of `X-Forwarded-For`: an address, some proxies add a port (then IPv6 stands in brackets). */
function readForwardedEntry(entry: string): Address | undefined {
  const text = entry.trim()
  const bracketed = /^\[([^\]]+)\](?::[0-9]{1,5})?$/.exec(text)?.[1]
  const withPort = /^([0-9.]+):[0-9]{1,5}$/.exec(text)?.[1]
  return readAddress(bracketed ?? withPort ?? text)
}

/**
 * Brings an address or a CIDR range into one spelling, such as `10.0.0.0/8`; undefined when it is neither.
 * Bits beyond the prefix are dropped, and ranges of IPv4 inside IPv6 become the IPv4 range.
 */
export function readProxyRange(text: string): string | undefined {
  const [addressText, prefixText, ...rest] = text.trim().split('/')
  const address = readAddress(addressText ?? '')
  if (address === undefined || rest.length > 0) return undefined
  if (prefixText === undefined) return address.toString()
  if (!/^(0|[1-9][0-9]{0,2})$/.test(prefixText)) return undefined
  const mapped = addressText?.includes(':') === true && address.kind() === 'ipv4'
  const prefix = Number(prefixText) - (mapped ? 96 : 0)
  if (prefix < 0 || prefix > address.toByteArray().length * 8) return undefined
  const canonical = `${address.toString()}/${prefix}`
  const network =
    address.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(canonical)
      : ipaddr.IPv6.networkAddressFromCIDR(canonical)
  return `${network.toString()}/${prefix}`
}

function isListed(address: Address, ranges: readonly string[]): boolean {
  return ranges.some((range) => {
    const whole = range.includes('/') ? range : `${range}/${address.toByteArray().length * 8}`
    if (!ipaddr.isValidCIDR(whole)) return false
    const [network, prefix] = ipaddr.parseCIDR(whole)
    return network.kind() === address.kind() && address.match([network, prefix])
  })
}

/**
 * The address of the client of a request. The peer's own, unless that is a listed proxy: then `X-Forwarded-For` is
 * walked from the right, as each proxy appends whom it heard from, and the first address that is no listed proxy is
 * the client. What stands further left the client may have made up. An entry that is no address ends the walk at the
 * proxy that passed it on. The `Forwarded` header is not believed, and nothing is taken from `Host`.
 *
 * @param peerAddress remote address of the connection; undefined where the runtime does not tell
 * @param headers headers of the request
 * @param trustedProxies addresses and ranges as {@link readProxyRange} spells them
 * @returns the address, or null when the peer's is not known
 */
export function clientAddress(
  peerAddress: string | undefined,
  headers: Pick<Headers, 'get'>,
  trustedProxies: readonly string[],
): string | null {
  let client = readAddress(peerAddress ?? '')
  if (client === undefined) return null
  if (trustedProxies.length === 0) return client.toString()
  const hops = (headers.get('x-forwarded-for') ?? '').split(',').reverse()
  for (const hop of hops) {
    if (!isListed(client, trustedProxies)) break
    const next = readForwardedEntry(hop)
    if (next === undefined) break
    client = next
  }
  return client.toString()
}
