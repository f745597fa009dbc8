import { describe, expect, test } from 'vitest'
import { clientAddress } from '../../src/configuration/trusted-proxy.ts'

function seen(peer: string | undefined, forwarded: string | undefined, proxies: readonly string[]): string | null {
  return clientAddress(peer, new Headers(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }), proxies)
}

describe('T27.1 forwarding headers are believed from listed proxies only', () => {
  test.each<[string, string | undefined, string | undefined, string[], string | null]>([
    ['no proxies listed', '203.0.113.9', '1.2.3.4', [], '203.0.113.9'],
    ['the peer is not listed', '203.0.113.9', '1.2.3.4', ['10.0.0.0/8'], '203.0.113.9'],
    ['one listed proxy', '10.0.0.1', '1.2.3.4', ['10.0.0.1'], '1.2.3.4'],
    ['a range', '10.9.8.7', '1.2.3.4', ['10.0.0.0/8'], '1.2.3.4'],
    ['what the client made up stands further left', '10.0.0.1', '6.6.6.6, 1.2.3.4', ['10.0.0.0/8'], '1.2.3.4'],
    ['two listed proxies', '10.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.2', ['10.0.0.0/8'], '1.2.3.4'],
    ['an unlisted proxy between', '10.0.0.1', '1.2.3.4, 192.0.2.7, 10.0.0.2', ['10.0.0.0/8'], '192.0.2.7'],
    ['listed proxies all the way', '10.0.0.1', '10.0.0.3, 10.0.0.2', ['10.0.0.0/8'], '10.0.0.3'],
    ['an entry that is no address ends the walk', '10.0.0.1', '1.2.3.4, unknown, 10.0.0.2', ['10.0.0.0/8'], '10.0.0.2'],
    ['nothing forwarded', '10.0.0.1', undefined, ['10.0.0.0/8'], '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', ['10.0.0.0/8'], '10.0.0.1'],
    ['IPv4 inside IPv6 as peer', '::ffff:10.0.0.1', '1.2.3.4', ['10.0.0.0/8'], '1.2.3.4'],
    ['IPv4 inside IPv6 as entry', '10.0.0.1', '::ffff:1.2.3.4', ['10.0.0.0/8'], '1.2.3.4'],
    ['entries with ports', '10.0.0.1', '1.2.3.4:5678', ['10.0.0.0/8'], '1.2.3.4'],
    ['IPv6 entries with ports', '::1', '[2001:DB8::7]:443', ['::1'], '2001:db8::7'],
    ['a peer with a zone', 'fe80::1%eth0', '1.2.3.4', ['fe80::/10'], '1.2.3.4'],
    ['an IPv6 peer against an IPv4 range', '2001:db8::1', '1.2.3.4', ['0.0.0.0/0'], '2001:db8::1'],
    ['a zone is no part of the address', 'fe80::1%eth0', undefined, [], 'fe80::1'],
    ['an unknown peer', undefined, '1.2.3.4', ['0.0.0.0/0'], null],
  ])('%s', (_, peer, forwarded, proxies, expected) => {
    expect(seen(peer, forwarded, proxies)).toBe(expected)
  })

  test('the Forwarded header and Host change nothing', () => {
    const headers = new Headers({
      forwarded: 'for=1.2.3.4;host=evil.example',
      'x-forwarded-host': 'evil.example',
      'x-real-ip': '1.2.3.4',
    })
    expect(clientAddress('10.0.0.1', headers, ['10.0.0.1'])).toBe('10.0.0.1')
  })
})
