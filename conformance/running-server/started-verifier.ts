import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import {
  seenRefusal,
  type VerifierQuestion,
  type VerifierReport,
  type VerifierWishes,
  verifierReport,
} from './verifier-messages.ts'

type WhenStale = Extract<VerifierQuestion, { ask: 'verify' }>['whenStale']

/** A verifier in a process of its own. Whatever becomes of the test, it does not outlive it. */
export interface StartedVerifier extends AsyncDisposable {
  /** For each token `accepted`, or the reason of the refusal. */
  readonly verdicts: (tokens: readonly string[], whenStale?: WhenStale) => Promise<readonly string[]>
  /** Looks every 5 ms until a token is refused: with what, and when. */
  readonly refusal: (token: string) => Promise<z.infer<typeof seenRefusal>>
  /** Has it verify tokens in turn, so many a second, beside all else. None: it rests. */
  readonly load: (tokens: readonly string[], perSecond: number) => Promise<void>
  /** Sets its clock. */
  readonly setClock: (now: number) => Promise<void>
  readonly report: () => Promise<VerifierReport>
}

const program = fileURLToPath(new URL('verifier-program.ts', import.meta.url))
const message = z.object({ number: z.int(), answer: z.unknown() })

/** Starts a verifier and waits until it can be asked. */
export async function startVerifier(wishes: VerifierWishes): Promise<StartedVerifier> {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [program, JSON.stringify(wishes)], {
    env: { PATH },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const expectAnswer = (number: number) => {
    const answer = Promise.withResolvers<unknown>()
    waiting.set(number, answer)
    return answer.promise
  }
  child.on('message', (received) => {
    const { number, answer } = message.parse(received)
    waiting.get(number)?.resolve(answer)
    waiting.delete(number)
  })
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the verifier has ended'))
  })
  let asked = 0
  const ask = (question: VerifierQuestion): Promise<unknown> => {
    asked += 1
    const answer = expectAnswer(asked)
    child.send({ number: asked, question })
    return answer
  }
  await expectAnswer(0)
  return {
    verdicts: async (tokens, whenStale) =>
      z.array(z.string()).parse(await ask({ ask: 'verify', tokens: [...tokens], whenStale })),
    refusal: async (token) => seenRefusal.parse(await ask({ ask: 'refusal', token })),
    load: async (tokens, perSecond) => {
      await ask({ ask: 'load', tokens: [...tokens], perSecond })
    },
    setClock: async (now) => {
      await ask({ ask: 'clock', now })
    },
    report: async () => verifierReport.parse(await ask({ ask: 'report' })),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
