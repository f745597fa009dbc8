import { expect, test } from 'vitest'
import { createCookieJar } from '../src/cookie-jar.ts'

const page = new URL('https://app.test/notes/today')

function jarWith(...lines: string[]) {
  let now = 0
  const jar = createCookieJar(() => now)
  for (const line of lines) jar.set(line, page, 'reply')
  return {
    jar,
    passSeconds: (seconds: number) => {
      now += seconds * 1_000
    },
  }
}

test.each([
  ['its host alone', 'a=1; Path=/', 'https://app.test/', 'a=1'],
  ['no host below', 'a=1; Path=/', 'https://www.app.test/', ''],
  ['hosts below its domain', 'a=1; Path=/; Domain=app.test', 'https://www.app.test/', 'a=1'],
  ['nobody, for a foreign domain', 'a=1; Path=/; Domain=other.test', 'https://other.test/', ''],
  ['the folder of the page, without a path', 'a=1', 'https://app.test/notes/tomorrow', 'a=1'],
  ['nothing beside its path', 'a=1; Path=/notes', 'https://app.test/notebook', ''],
  ['no plain http, if it is Secure', 'a=1; Path=/; Secure', 'http://app.test/', ''],
  ['nobody, for __Host- with a path', '__Host-a=1; Path=/x; Secure', 'https://app.test/x', ''],
  ['nobody, for __Secure- that is not', '__Secure-a=1; Path=/', 'https://app.test/', ''],
  ['nobody, without a name', '=1; Path=/', 'https://app.test/', ''],
])('a cookie goes to %s', (_, line, url, header) => {
  expect(jarWith(line).jar.header(new URL(url), 'reply')).toBe(header)
})

test('cookies expire by the clock, Max-Age before Expires', () => {
  const { jar, passSeconds } = jarWith('a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'b=2')
  jar.set(`c=3; Expires=${new Date(5_000).toUTCString()}`, page, 'reply')
  passSeconds(5)
  expect(jar.header(page, 'reply')).toBe('a=1; b=2')
  passSeconds(5)
  expect(jar.all().map(({ name }) => name)).toEqual(['b'])
  jar.set('b=; Max-Age=0', page, 'reply')
  expect(jar.all()).toEqual([])
})

test('the longer path comes first, and the same cookie is replaced', () => {
  const { jar } = jarWith('a=root; Path=/', 'a=notes; Path=/notes', 'a=other; Path=/notes')
  expect(jar.header(page, 'reply')).toBe('a=other; a=root')
  jar.clear()
  expect(jar.header(page, 'reply')).toBe('')
})

test('a script neither reads nor replaces what is HttpOnly', () => {
  const { jar } = jarWith('a=1; HttpOnly', 'b=2')
  jar.set('a=stolen', page, 'script')
  jar.set('c=3; HttpOnly', page, 'script')
  jar.set('b=4', page, 'script')
  expect(jar.header(page, 'script')).toBe('b=4')
  expect(jar.header(page, 'reply')).toBe('a=1; b=4')
})
