import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { bodyReply, errorReply } from './running-server/replies.ts'
import {
  type StartedProcess,
  startProcess,
  type TemporaryData,
  temporaryData,
} from './running-server/started-process.ts'
import { alice } from './running-server/started-server.ts'

const fresh = { connection: 'close' } as const
const logLine = z.looseObject({ msg: z.string(), worker: z.int().optional(), pid: z.int().optional() })

describe('pawl start with PAWL_WORKERS', () => {
  test('T1.1 of 64 parallel refreshes of one token over fresh connections all end with one successor, on every worker; greeting and keys are made once', async () => {
    await using data = await temporaryData()
    await using server = await startWorkers(data, 3)
    let { refresh_token: token } = await signIn(server)
    const pids = new Set(listeners(server).map(({ pid }) => pid))
    expect(pids.size).toBe(3)
    // Which worker gets a connection is the system's to decide; go on until each has had some.
    for (let round = 0; round < 40 && answering(server).size < 3; round += 1) {
      const replies = await Promise.all(Array.from({ length: 64 }, () => refreshAfresh(server, token)))
      expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 64 }, () => 200))
      const successors = new Set(replies.map((reply) => reply.read(bodyReply).refresh_token))
      expect(successors.size).toBe(1)
      const [successor = ''] = successors
      expect(successor).not.toBe(token)
      token = successor
    }
    expect(answering(server)).toEqual(pids)
    const { stdout, stderr, status } = await server.stop()
    expect(stderr).not.toMatch(/session_(replayed|superseded_use|rolled_forward|ended)/)
    // What is to be said or made once, the first process said and made.
    expect({ stdout, status }).toEqual({ stdout: `listening on ${server.issuer}\n`, status: 0 })
    expect(stderr.match(/^playground: /gm)).toHaveLength(1)
    expect(stderr.match(/"type":"signing_key_added"/g)).toHaveLength(1)
  })

  test('/metrics tells of all workers, whichever is asked, each under its own label', async () => {
    await using data = await temporaryData()
    await using server = await startWorkers(data, 3)
    const credentials = { ...alice, delivery: 'body' }
    const signIns = Array.from({ length: 24 }, () => server.send('/auth/login', { json: credentials, headers: fresh }))
    for (const reply of await Promise.all(signIns)) expect(reply.status).toBe(200)
    for (let asked = 0; asked < 12; asked += 1) {
      const { text } = await server.send('/metrics', { headers: fresh })
      const counted = [...text.matchAll(/^pawl_sign_ins_total\{[^}]*worker="[123]"[^}]*\} (\d+)$/gm)]
      expect(counted.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(24)
      const workers = text.matchAll(/^process_start_time_seconds\{worker="(\d)"\}/gm)
      expect(new Set([...workers].map(([, worker]) => worker))).toEqual(new Set(['1', '2', '3']))
    }
  })
})

describe('a worker that is killed', () => {
  test('under load: nobody is signed out, an answer is 200, 503 or a broken connection, and another takes its place', async () => {
    await using data = await temporaryData()
    await using server = await startWorkers(data, 3)
    const holders = await Promise.all(Array.from({ length: 8 }, async () => createHolder(await signIn(server))))
    const stop = new AbortController()
    const working = holders.map((holder) => refreshUntil(stop.signal, server, holder))
    for (const number of [1, 3]) {
      await answeredTimes(holders, 5)
      const pid = pidOf(server, number)
      process.kill(pid, 'SIGKILL')
      await eventually(() => expect(lines(server)).toContainEqual(expect.objectContaining({ pid, signal: 'SIGKILL' })))
      await eventually(() => expect(listeners(server).findLast(({ worker }) => worker === number)?.pid).not.toBe(pid))
    }
    await answeredTimes(holders, 5)
    stop.abort()
    await Promise.all(working)
    const { stderr, status } = await server.stop()
    expect(status).toBe(0)
    expect(stderr).not.toMatch(/session_(replayed|superseded_use|ended)/)
  })

  test('again and again at once: its successor comes later each time, and the log says when', async () => {
    await using data = await temporaryData()
    await using server = await startWorkers(data, 2)
    for (let kill = 1; kill <= 3; kill += 1) {
      const pid = pidOf(server, 2)
      process.kill(pid, 'SIGKILL')
      await eventually(() => expect(listeners(server).findLast(({ worker }) => worker === 2)?.pid).not.toBe(pid))
      expect((await server.send('/health/ready')).status).toBe(200)
    }
    const told = lines(server).filter(({ msg }) => msg === 'a worker ended and is replaced')
    expect(told).toMatchObject([0, 250, 500].map((restartInMilliseconds) => ({ worker: 2, restartInMilliseconds })))
  })
})

describe('stopping several workers', () => {
  test('SIGTERM under load: what was begun is answered, further signals change nothing, status 0, no process is left', async () => {
    await using data = await temporaryData()
    await using server = await startWorkers(data, 2)
    const pids = [pidOf(server, 1), pidOf(server, 2)]
    const begun = await Promise.all(Array.from({ length: 12 }, () => beginSignIn(server)))
    server.signal('SIGTERM')
    await eventually(() => expect(lines(server).filter(({ msg }) => msg === 'draining')).toHaveLength(2))
    await eventually(() => expect(openConnection(server.port)).rejects.toThrow('ECONNREFUSED'))
    server.signal('SIGTERM')
    server.signal('SIGINT')
    for (const signIn of begun) expect(await signIn.finish()).toMatch(/^HTTP\/1.1 200 [\s\S]*"refresh_token":"pawl_rt_/)
    const { status, signal: killedBy } = await server.end
    expect({ status, killedBy }).toEqual({ status: 0, killedBy: null })
    for (const pid of pids) expect(isAlive(pid)).toBe(false)
  })

  test('SIGKILL of the primary: the workers answer what was begun and then end', async () => {
    await using data = await temporaryData()
    await using server = await startWorkers(data, 2)
    const pids = [pidOf(server, 1), pidOf(server, 2)]
    const begun = await Promise.all(Array.from({ length: 6 }, () => beginSignIn(server)))
    server.signal('SIGKILL')
    await eventually(() => expect(lines(server).filter(({ msg }) => msg === 'draining')).toHaveLength(2))
    for (const signIn of begun) expect(await signIn.finish()).toContain('"refresh_token":"pawl_rt_')
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]))
    await expect(openConnection(server.port)).rejects.toThrow('ECONNREFUSED')
  })
})

/** One client with one store: the newest token that it was answered. */
interface Holder {
  token: string
  answers: number
}

function createHolder({ refresh_token }: { readonly refresh_token: string }): Holder {
  return { token: refresh_token, answers: 0 }
}

/** Refreshes over a new connection each time, and again with the same token whenever nothing came back. */
async function refreshUntil(signal: AbortSignal, server: StartedProcess, holder: Holder): Promise<void> {
  while (!signal.aborted) {
    const reply = await refreshAfresh(server, holder.token).catch(() => undefined)
    if (reply === undefined) continue
    expect([200, 503], reply.text).toContain(reply.status)
    if (reply.status === 503) {
      expect(reply.read(errorReply).error).toBe('temporarily_unavailable')
      continue
    }
    holder.token = reply.read(bodyReply).refresh_token
    holder.answers += 1
  }
}

async function answeredTimes(holders: readonly Holder[], times: number): Promise<void> {
  const goals = holders.map(({ answers }) => answers + times)
  await eventually(() => expect(holders.every(({ answers }, index) => answers >= (goals[index] ?? 0))).toBe(true))
}

function refreshAfresh(server: StartedProcess, token: string): Promise<Reply> {
  return server.send('/auth/refresh', { json: { refresh_token: token }, headers: fresh })
}

/** Everything the server has logged so far. */
function lines(server: StartedProcess): z.infer<typeof logLine>[] {
  const whole = server.stderr().split('\n').slice(0, -1)
  return whole.filter((line) => line.startsWith('{')).map((line) => logLine.parse(JSON.parse(line)))
}

/** Workers in the order in which they began to listen. */
function listeners(server: StartedProcess): z.infer<typeof logLine>[] {
  return lines(server).filter(({ msg, worker }) => msg === 'listening' && worker !== undefined)
}

/** Starts so many, and waits until each has said that it listens: the log may come after the line on stdout. */
async function startWorkers(data: TemporaryData, count: number): Promise<StartedProcess> {
  const server = await startProcess(data, { PAWL_WORKERS: String(count) })
  await eventually(() => expect(listeners(server)).toHaveLength(count))
  return server
}

/** Process id of the newest worker of that number. Never 0, which would stand for the tests themselves. */
function pidOf(server: StartedProcess, number: number): number {
  const { pid } = listeners(server).findLast(({ worker }) => worker === number) ?? {}
  if (pid === undefined) throw new Error(`worker ${number} has not said that it listens`)
  return pid
}

/** The processes that have answered a refresh. */
function answering(server: StartedProcess): Set<number | undefined> {
  const refreshes = lines(server).filter(({ outcome }) => outcome === 'advance' || outcome === 'repeat')
  return new Set(refreshes.map(({ pid }) => pid))
}

/** Sends a sign-in up to where the server says that it has begun with it. */
async function beginSignIn(server: StartedProcess): Promise<{ readonly finish: () => Promise<string> }> {
  const body = JSON.stringify({ ...alice, delivery: 'body' })
  const socket = await openConnection(server.port)
  const answer = { text: '' }
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer.text += text
  })
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
  })
  socket.write(
    `POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nexpect: 100-continue\r\n\r\n`,
  )
  await eventually(() => expect(answer.text).toBe('HTTP/1.1 100 Continue\r\n\r\n'))
  return {
    finish: async () => {
      answer.text = ''
      socket.write(body)
      await closed
      return answer.text
    },
  }
}

function openConnection(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
