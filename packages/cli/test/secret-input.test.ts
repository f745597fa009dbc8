import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { readSecret, type SecretReading } from '../src/secret-input.ts'

function reading(...chunks: (string | Uint8Array)[]): Promise<SecretReading> {
  const stdin = Readable.from(chunks.map((chunk) => Buffer.from(chunk)))
  const nothing = (): void => undefined
  return readSecret({ environment: {}, stdin, print: nothing, complain: nothing, onStopSignal: nothing }, 'password')
}

describe('secrets from standard input', () => {
  test.each([
    ['no newline', 'secret', 'secret'],
    ['one newline', 'secret\n', 'secret'],
    ['one CRLF', 'secret\r\n', 'secret'],
    ['two newlines: one is the secret’s own', 'secret\n\n', 'secret\n'],
    ['blanks count', '  a b \n', '  a b '],
    ['newlines inside count', 'a\nb\n', 'a\nb'],
    ['a byte order mark counts', '\ufeffsecret', '\ufeffsecret'],
  ])('%s', async (_, given, secret) => {
    expect(await reading(given)).toEqual({ ok: true, secret })
  })

  test('a character may come in two chunks', async () => {
    const bytes = Buffer.from('pä')
    expect(await reading(bytes.subarray(0, 2), bytes.subarray(2))).toEqual({ ok: true, secret: 'pä' })
  })

  test.each([
    ['nothing', ''],
    ['a newline only', '\n'],
  ])('%s is refused', async (_, given) => {
    expect(await reading(given)).toMatchObject({ ok: false, message: expect.stringContaining('held no password') })
  })

  test('bytes that are no UTF-8 are refused and not shown', async () => {
    const outcome = await reading(Uint8Array.of(0x70, 0xff, 0xfe))
    expect(outcome).toMatchObject({ ok: false, message: expect.stringContaining('not UTF-8') })
  })

  test('more than 64 KiB are refused', async () => {
    expect(await reading('a'.repeat(64 * 1024))).toMatchObject({ ok: true })
    expect(await reading('a'.repeat(64 * 1024), 'a')).toMatchObject({ ok: false })
  })
})
