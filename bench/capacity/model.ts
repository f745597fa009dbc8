import { figure, tableOf } from '../measuring/table.ts'
import type { Cost } from './measure.ts'

/** With access tokens of 15 minutes the server asks clients to refresh 660 to 840 seconds after the last time. */
const secondsBetweenRefreshes = 750

/** What the storage bench has measured: a session with its indexes, and a page with its sessions. */
const stored = { bytesPerSession: 800, sessionsPerPage: 11.6, imageBytes: 6300 }

/** How long PostgreSQL lets checkpoints lie apart, in seconds: its default, and what a busy one is better set to. */
const checkpointSeconds = [300, 1800]

/**
 * What follows for so many sessions, all of them in use day and night.
 *
 * @param alone what a refresh costs that shares its statements with no other
 * @param gathered what one costs at 64 clients
 */
export function modelTable({ alone, gathered }: { readonly alone: Cost; readonly gathered: Cost }): string {
  const range = (one: number, other: number) => `${figure(Math.min(one, other))} to ${figure(Math.max(one, other))}`
  return tableOf(
    [
      'sessions in use',
      'refreshes/s',
      'server cores',
      'database cores',
      'log MB/s, without images',
      ...checkpointSeconds.map((seconds) => `image MB/s, checkpoint every ${seconds} s`),
      'disk GB',
    ],
    [100_000, 1_000_000, 10_000_000].map((sessions) => {
      const rate = sessions / secondsBetweenRefreshes
      const cores = (name: 'serverMicroseconds' | 'databaseMicroseconds') =>
        range((rate * gathered[name]) / 1e6, (rate * alone[name]) / 1e6)
      return [
        sessions.toLocaleString('en'),
        figure(rate),
        cores('serverMicroseconds'),
        cores('databaseMicroseconds'),
        range((rate * gathered.logBytes) / 1e6, (rate * alone.logBytes) / 1e6),
        ...checkpointSeconds.map((seconds) => figure(imageBytesPerSecond(sessions, rate, seconds) / 1e6)),
        figure((sessions * stored.bytesPerSession) / 1e9),
      ]
    }),
  )
}

/** Each page is written to the log as a whole when it is first changed after a checkpoint. */
function imageBytesPerSecond(sessions: number, rate: number, seconds: number): number {
  const pages = sessions / stored.sessionsPerPage
  const changed = pages * (1 - Math.exp((-rate * seconds) / pages))
  return (changed * stored.imageBytes) / seconds
}
