import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Account } from './unprivileged-account.ts'

/** A program that does not outlive this process, however that ends. */
export interface KeptProcess {
  /** Process id of the program. */
  readonly pid: number
  /** Once it has ended, by itself or by a signal. */
  readonly ended: Promise<void>
  readonly hasEnded: () => boolean
}

/** What is kept, and how. */
export interface KeptProgram {
  readonly command: string
  readonly words: readonly string[]
  readonly account: Account
  /** A file that takes what it prints. */
  readonly log: string
  /** Goes with the program when this process ends before it. */
  readonly folder: string
  /** What ends the program at once, as `kill` spells it. */
  readonly endSignal: 'QUIT' | 'TERM'
}

/**
 * Between this process and the program stands a shell that reads from us and never gets anything: when we end, whatever
 * ended us, the system closes the pipe, and the shell ends the program and clears away its folder. It knows the program
 * as its own child, so its process id cannot have become somebody else's.
 */
const keeper = `
  exec 3<&0
  log=$1 folder=$2 signal=$3
  shift 3
  "$@" </dev/null >>"$log" 2>&1 3<&- &
  kept=$!
  (
    read -r _ <&3
    trap '' TERM
    kill -CONT "$kept"
    kill -s "$signal" "$kept"
    while kill -0 "$kept"; do sleep 0.1; done
    rm -rf "$folder"
  ) >/dev/null 2>&1 &
  watch=$!
  echo "$kept"
  exec >/dev/null
  wait "$kept"
  kill "$watch"
  wait "$watch"
`

/** Starts a program. */
export async function keepProcess(program: KeptProgram): Promise<KeptProcess> {
  const { command, words, account, log, folder, endSignal } = program
  const { uid, gid, environment } = account
  const shell = spawn('/bin/sh', ['-c', keeper, 'keeper', log, folder, endSignal, command, ...words], {
    // A group of its own: an interrupt from the terminal is for the tests, which then end it in order.
    detached: true,
    cwd: '/',
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(uid !== undefined && { uid, gid }),
  })
  let over = false
  const ended = once(shell, 'exit').then(() => {
    over = true
  })
  await once(shell, 'spawn')
  const [line] = await once(createInterface(shell.stdout), 'line')
  const pid = Number(line)
  // Lower ones stand for groups of processes, ours among them.
  if (!(pid > 1)) throw new Error(`the shell told no process id: ${line}`)
  return { pid, ended, hasEnded: () => over }
}
