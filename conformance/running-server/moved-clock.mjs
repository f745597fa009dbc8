// Loaded into a process before its program: its time of day is ahead of the system's by as many milliseconds as stand in a
// file. For programs that have no clock to inject.
import { readFileSync } from 'node:fs'

const file = process.env.CLOCK_AHEAD
const systemTime = Date.now
let ahead = 0
let readAt = Number.NEGATIVE_INFINITY

Date.now = () => {
  const at = performance.now()
  if (file !== undefined && at - readAt > 10) {
    readAt = at
    ahead = Number(readFileSync(file, 'utf8'))
  }
  return systemTime() + ahead
}
