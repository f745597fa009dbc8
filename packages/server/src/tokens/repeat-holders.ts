import { createHash } from 'node:crypto'
import type { Device } from '../security-events/security-event.ts'

/**
 * Who fetched the current generation again, besides the holder that advanced to it: a sign of a shared or copied store,
 * kept for people to look at. No verdict depends on it.
 *
 * The column holds up to four fingerprints, newest first; a fifth holder is not told from the fourth.
 */
const rememberedHolders = 4
const fingerprintBytes = 4

/** Size of the `repeatHolders` column: the same however often a generation was fetched again. */
export const repeatHoldersBytes: number = rememberedHolders * fingerprintBytes

/** The `repeatHolders` value of a generation that nobody fetched again. */
export function noRepeatHolders(): Uint8Array {
  return new Uint8Array(repeatHoldersBytes)
}

/**
 * The fingerprint that a repeat leaves; undefined for the holder that advanced, who needs none. The session's seed goes
 * in, so that fingerprints of different sessions cannot be compared.
 */
export function repeatHolder(
  session: { readonly seed: Uint8Array; readonly lastUsedFrom: Device },
  device: Device,
): Uint8Array | undefined {
  const { lastUsedFrom } = session
  if (device.address === lastUsedFrom.address && device.userAgent === lastUsedFrom.userAgent) return undefined
  const digest = createHash('sha256').update('pawl repeat holder\0').update(session.seed)
  const fingerprint = digest.update(JSON.stringify([device.address, device.userAgent])).digest()
  // All zeros mean an empty place.
  return fingerprint.readUInt32BE(0) === 0 ? Uint8Array.of(0, 0, 0, 1) : fingerprint.subarray(0, fingerprintBytes)
}

/** How many different holders are remembered: 0 to 4, where 4 stands for four or more. */
export function countRepeatHolders(holders: Uint8Array): number {
  const places = Array.from({ length: rememberedHolders }, (_, place) => place * fingerprintBytes)
  return places.filter((start) => holders.subarray(start, start + fingerprintBytes).some((byte) => byte !== 0)).length
}
