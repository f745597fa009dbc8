import type { RefreshKeyRecord } from './key-store.ts'

/**
 * Where a refresh key stands: written down but not yet in use, in use, named by older sessions only, or named by none, so
 * that its secret may be taken away.
 */
export type RefreshKeyState = 'known' | 'active' | 'retiring' | 'retired'

/**
 * The key that new tokens are derived with at `now` (milliseconds): of those not retired the newest whose time has come, or,
 * if none has, the one whose time comes first.
 */
export function activeRefreshKeyRecord(
  records: readonly RefreshKeyRecord[],
  now: number,
): RefreshKeyRecord | undefined {
  const ordered = records
    .filter((record) => record.retiredAt === null)
    .toSorted((a, b) => b.activeFrom - a.activeFrom || b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))
  return ordered.find((record) => record.activeFrom <= now) ?? ordered.at(-1)
}

/** Where one refresh key among `records` stands at `now`. */
export function refreshKeyState(
  record: RefreshKeyRecord,
  records: readonly RefreshKeyRecord[],
  now: number,
): RefreshKeyState {
  if (record.retiredAt !== null) return 'retired'
  if (record.id === activeRefreshKeyRecord(records, now)?.id) return 'active'
  return record.activeFrom > now ? 'known' : 'retiring'
}

/**
 * Ids of the keys that may be retired at `now` once no live session names them: the active key has been in use for
 * `afterSeconds`, so that no request that began under an older key is still being decided.
 */
export function retirableRefreshKeys(
  records: readonly RefreshKeyRecord[],
  now: number,
  afterSeconds: number,
): readonly string[] {
  const active = activeRefreshKeyRecord(records, now)
  if (active === undefined || active.activeFrom + afterSeconds * 1000 > now) return []
  return records.filter((record) => refreshKeyState(record, records, now) === 'retiring').map((record) => record.id)
}
