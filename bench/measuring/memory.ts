import { readFileSync } from 'node:fs'

/** A line of `/proc/PID/status`, in megabytes. */
export function memoryOf(pid: number, name: 'VmRSS' | 'RssAnon'): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${name}:`))
  return Number(/\d+/.exec(line ?? '')?.[0]) / 1024
}
