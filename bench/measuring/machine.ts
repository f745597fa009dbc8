import { cpus, totalmem } from 'node:os'

/** What was measured on, in one line: figures mean nothing without it. */
export function describeMachine(): string {
  const processors = cpus()
  const model = processors[0]?.model.trim() ?? 'unknown processor'
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  const day = new Date().toISOString().slice(0, 10)
  return `${day}: ${processors.length} cores (${model}), ${gigabytes} GB, Node ${process.versions.node}`
}
