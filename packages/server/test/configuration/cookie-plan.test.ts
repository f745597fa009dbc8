import { describe, expect, test } from 'vitest'
import { cookieProblems, type PlannedCookie, planCookies } from '../../src/configuration/cookie-plan.ts'

const base: PlannedCookie = {
  purpose: 'access',
  name: 'pawl_access',
  path: '/',
  sameSite: 'Lax',
  secure: true,
  httpOnly: true,
}

describe('T15.1 the cookies of a configuration, listed by a pure function', () => {
  test('on an https issuer', () => {
    expect(planCookies({ secure: true, basePath: '/id' })).toEqual([
      { purpose: 'access', name: '__Host-pawl_access', path: '/', sameSite: 'Lax', secure: true, httpOnly: true },
      {
        purpose: 'refresh',
        name: '__Secure-pawl_refresh',
        path: '/id/auth',
        sameSite: 'Strict',
        secure: true,
        httpOnly: true,
      },
      { purpose: 'state', name: '__Secure-pawl_state', path: '/', sameSite: 'Lax', secure: true, httpOnly: false },
    ])
  })

  test('on an http issuer, where browsers refuse prefixes and Secure', () => {
    expect(planCookies({ secure: false, basePath: '' })).toEqual([
      { purpose: 'access', name: 'pawl_access', path: '/', sameSite: 'Lax', secure: false, httpOnly: true },
      { purpose: 'refresh', name: 'pawl_refresh', path: '/auth', sameSite: 'Strict', secure: false, httpOnly: true },
      { purpose: 'state', name: 'pawl_state', path: '/', sameSite: 'Lax', secure: false, httpOnly: false },
    ])
  })

  test.each([
    [true, 'https://id.example'],
    [false, 'http://localhost:8080'],
  ])('browsers keep all of them (https: %s)', (secure, origin) => {
    expect(planCookies({ secure, basePath: '/id' }).flatMap((cookie) => cookieProblems(cookie, origin))).toEqual([])
  })
})

describe('T15.1 impossible cookies are refused', () => {
  test.each<[string, Partial<PlannedCookie>, string]>([
    ['Domain with __Host-', { name: '__Host-a', domain: 'shop.example' }, '__Host- with a Domain'],
    ['__Host- below a path', { name: '__Host-a', path: '/auth' }, '__Host- with Path=/auth'],
    ['__Host- without Secure', { name: '__host-a', secure: false }, '__Host- without Secure'],
    ['__Secure- without Secure', { name: '__Secure-a', secure: false }, '__Secure- without Secure'],
    ['SameSite=None without Secure', { sameSite: 'None', secure: false }, 'SameSite=None without Secure'],
    ['a host outside its Domain', { domain: 'other.example' }, 'does not lie in'],
    ['a Domain that only ends alike', { domain: 'op.example' }, 'does not lie in'],
    ['Domain on a public suffix', { domain: 'example' }, 'public suffix'],
    ['a Path that ends its attribute', { path: '/a;b' }, 'Path'],
    ['a relative Path', { path: 'auth' }, 'Path'],
    ['a Path that is too long', { path: `/${'a'.repeat(1024)}` }, '1,024'],
    ['a name with a blank', { name: 'pawl access' }, 'token'],
  ])('%s', (_, change, reason) => {
    expect(cookieProblems({ ...base, ...change }, 'https://id.shop.example')).toContainEqual(
      expect.stringContaining(reason),
    )
  })

  test('Secure over http', () => {
    expect(cookieProblems(base, 'http://id.shop.example')).toEqual([expect.stringContaining('http issuer')])
  })

  test('Domain on a public suffix of the private list', () => {
    expect(cookieProblems({ ...base, domain: 'fly.dev' }, 'https://app.fly.dev')).toEqual([
      expect.stringContaining('public suffix'),
    ])
  })

  test('Domain on an address', () => {
    expect(cookieProblems({ ...base, domain: '0.0.1' }, 'https://127.0.0.1')).toEqual([
      expect.stringContaining('does not lie in'),
    ])
  })

  test('a Domain that the host lies in is possible', () => {
    expect(cookieProblems({ ...base, domain: '.shop.example' }, 'https://id.shop.example')).toEqual([])
  })
})
