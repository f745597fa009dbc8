import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Terminal } from './terminal.ts'

/** Longest secret that is read, in bytes: more than any password or token may have. */
const longestSecret = 64 * 1024

/** A secret from standard input, or why there is none. */
export type SecretReading =
  | { readonly ok: true; readonly secret: string }
  | { readonly ok: false; readonly message: string }

/**
 * Reads a secret from standard input, never from argv, which every process may see. One newline at its end (LF or
 * CRLF) belongs to the shell and is dropped; every other character counts. At a keyboard it is read up to Enter and
 * not shown.
 *
 * @param what what is asked for, such as `password`
 */
export async function readSecret(terminal: Terminal, what: string): Promise<SecretReading> {
  const bytes = terminal.stdin.isTTY === true ? await readHidden(terminal, what) : await readAll(terminal)
  if (bytes === undefined)
    return { ok: false, message: `the ${what} on standard input is longer than 64 KiB; give one ${what} only` }
  const text = decode(bytes)
  if (text === undefined)
    return { ok: false, message: `the ${what} on standard input is not UTF-8; send it as UTF-8 text` }
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '')
    return {
      ok: false,
      message: `standard input held no ${what}; give it there, for example: printf %s "$SECRET" | pawl …`,
    }
  return { ok: true, secret }
}

async function readAll(terminal: Terminal): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of terminal.stdin) {
    const bytes = Buffer.from(chunk)
    length += bytes.length
    if (length > longestSecret) return undefined
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

function readHidden(terminal: Terminal, what: string): Promise<Uint8Array> {
  terminal.complain(`${what} (not shown, end with Enter):`)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: terminal.stdin, output: nowhere, terminal: true })
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(Buffer.from(line))
      lines.close()
    })
    lines.once('close', () => resolve(new Uint8Array()))
  })
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
